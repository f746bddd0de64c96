using System.Globalization;

namespace Fairlead.Node.Runtime.Usage;

/// <summary>What has come and gone over a network interface since it was made.</summary>
internal sealed record InterfaceUsage(
    string Name, long ReceivedBytes, long ReceivedPackets, long ReceiveErrors, long ReceiveDrops, long SentBytes, long SentPackets, long SendErrors, long SendDrops)
{
    /// <summary>Of the network namespace that a process is in, loopback left out (proc(5): /proc/PID/net/dev).</summary>
    /// <returns>Empty: the process is gone.</returns>
    public static IReadOnlyList<InterfaceUsage> Of(string process)
    {
        try
        {
            return Parse(File.ReadAllText($"/proc/{process}/net/dev"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Two lines of headings; then a name, a colon, eight numbers of what was received and eight of what was sent.</summary>
    internal static IReadOnlyList<InterfaceUsage> Parse(string text)
    {
        var found = new List<InterfaceUsage>();
        foreach (var line in text.Split('\n').Skip(2))
        {
            if (line.Split(':') is not [var name, var rest] || name.Trim() is not { Length: > 0 } trimmed || trimmed == "lo") continue;
            var numbers = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => long.TryParse(word, CultureInfo.InvariantCulture, out var number) ? number : 0).ToArray();
            if (numbers.Length >= 12) found.Add(new(trimmed, numbers[0], numbers[1], numbers[2], numbers[3], numbers[8], numbers[9], numbers[10], numbers[11]));
        }
        return found;
    }
}
