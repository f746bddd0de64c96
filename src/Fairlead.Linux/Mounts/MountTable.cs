namespace Fairlead.Linux.Mounts;

/// <summary>One mount of this process's mount namespace (proc_pid_mountinfo(5)).</summary>
/// <param name="Target">Where it is mounted.</param>
/// <param name="Root">The path inside its file system that is shown there.</param>
/// <param name="Type">File system, as in "overlay".</param>
/// <param name="Source">Device or name given at mount time.</param>
public sealed record MountEntry(string Target, string Root, string Type, string Source);

/// <summary>The mounts that exist.</summary>
public static class MountTable
{
    /// <summary>All mounts at or under a path, the oldest first; unmount in reverse.</summary>
    public static IReadOnlyList<MountEntry> Under(string path) => Parse(File.ReadLines("/proc/self/mountinfo"), path);

    /// <summary>Unmounts everything at or under a path, newest first; what is gone already is no failure.</summary>
    public static void UnmountUnder(string path)
    {
        foreach (MountEntry entry in Under(path).Reverse())
        {
            Mount.Unmount(entry.Target, lazy: true);
        }
    }

    internal static IReadOnlyList<MountEntry> Parse(IEnumerable<string> lines, string path)
    {
        string folder = path.TrimEnd('/') + "/";
        var entries = new List<MountEntry>();
        foreach (string line in lines)
        {
            string[] fields = line.Split(' ');
            int separator = Array.IndexOf(fields, "-");
            if (fields.Length < 7 || separator < 0 || separator + 2 >= fields.Length)
            {
                continue;
            }
            string target = Unescape(fields[4]);
            if ((target + "/").StartsWith(folder, StringComparison.Ordinal))
            {
                entries.Add(new MountEntry(target, Unescape(fields[3]), fields[separator + 1], Unescape(fields[separator + 2])));
            }
        }
        return entries;
    }

    // Space, tab, line end and backslash are written as three octal digits.
    private static string Unescape(string field) => !field.Contains('\\', StringComparison.Ordinal)
        ? field
        : field.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
            .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);
}
