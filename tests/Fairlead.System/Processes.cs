using System.Globalization;

namespace Fairlead.System;

/// <summary>What runs on this machine.</summary>
internal static class Processes
{
    /// <summary>Number and command line, whose words end with zero bytes, of every process but this.</summary>
    public static IEnumerable<(int Id, string CommandLine)> All()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) || id == Environment.ProcessId) continue;
            string line;
            try
            {
                line = File.ReadAllText($"{folder}/cmdline");
            }
            catch (IOException)
            {
                continue;
            }
            yield return (id, line);
        }
    }

    /// <summary>Kills those that are told by their command lines, and waits for their end.</summary>
    public static async Task KillAsync(Func<string, bool> isOne)
    {
        var killed = All().Where(process => isOne(process.CommandLine)).Select(process => process.Id).ToList();
        foreach (var id in killed) await Command.TryAsync("kill", ["-9", id.ToString(CultureInfo.InvariantCulture)]);
        await Until.AsyncHolds(() => Task.FromResult(killed.Count(IsThere)), count => count == 0, "they are dead");
    }

    /// <summary>
    /// A killed process has no command line any more, and its first thread waits for the parent, while others of its threads are yet to end: the last
    /// one closes its sockets.
    /// </summary>
    private static bool IsThere(int id)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{id}/task").Length > 1
                || !File.ReadLines($"/proc/{id}/status").Any(line => line.StartsWith("State:\tZ", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false;
        }
    }
}
