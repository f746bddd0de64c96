using System.Globalization;

namespace Fairlead.Linux.Processes;

/// <summary>Processes as proc(5) shows them. Of one that is gone, or going while it is looked at, everything is empty.</summary>
public static class ProcessTable
{
    public static IEnumerable<int> All() => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : 0)
        .Where(pid => pid > 0);

    /// <summary>The program's, of which the kernel keeps 15 bytes.</summary>
    public static string Name(int pid) => Read(pid, "comm").Trim();

    /// <summary>The words with a zero byte behind each.</summary>
    public static string CommandLine(int pid) => Read(pid, "cmdline");

    /// <summary>The fields of proc_pid_stat(5) behind the name: state, parent, group, session and so on.</summary>
    public static string[] Status(int pid)
    {
        string stat = Read(pid, "stat");
        return stat.Length == 0 ? [] : stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private static string Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{file}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
