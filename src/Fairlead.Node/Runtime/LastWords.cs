using System.Text;

namespace Fairlead.Node.Runtime;

/// <summary>The message of an ended container (Kubernetes documentation: "Determine the Reason for Pod Failure").</summary>
internal static class LastWords
{
    private const int FileLimit = 4096;
    private const int LogLimit = 2048;
    private const int LogLines = 80;

    /// <summary>At most 4096 bytes of the termination file; else, where asked for and the container failed, the log's last lines.</summary>
    public static string? Read(ContainerRecord record, int exitCode)
    {
        var words = ReadStart(record.MessagePath);
        if (words is null && record.MessageFromLog && exitCode != 0) words = ReadLogEnd(record.LogPath);
        return words;
    }

    private static string? ReadStart(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var bytes = new byte[FileLimit];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length == 0 ? null : Encoding.UTF8.GetString(bytes, 0, length);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string? ReadLogEnd(string path)
    {
        try
        {
            var text = new StringBuilder();
            foreach (var line in File.ReadLines(path).TakeLast(LogLines))
            {
                // Each line is: time, stream, F or P, text.
                if (line.Split(' ', 4) is [_, _, var tag, var content]) text.Append(content).Append(tag == "P" ? "" : "\n");
            }
            var all = text.ToString();
            return all.Length == 0 ? null : all[Math.Max(0, all.Length - LogLimit)..];
        }
        catch (IOException)
        {
            return null;
        }
    }
}
