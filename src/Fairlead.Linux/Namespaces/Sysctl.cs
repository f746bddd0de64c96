namespace Fairlead.Linux.Namespaces;

/// <summary>Kernel settings. Those under net/ belong to the calling thread's network namespace.</summary>
public static class Sysctl
{
    /// <summary>Writes a setting by its path below /proc/sys, as in "net/ipv4/ip_forward".</summary>
    /// <exception cref="IOException">The setting does not exist or refuses the value.</exception>
    public static void Write(string path, string value) => File.WriteAllText("/proc/sys/" + path, value);

    /// <summary>Like <see cref="Write"/>; false when this kernel has no such setting or it is read-only here.</summary>
    public static bool TryWrite(string path, string value)
    {
        try
        {
            Write(path, value);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The value without its line end, or null when the setting does not exist.</summary>
    public static string? Read(string path)
    {
        string full = "/proc/sys/" + path;
        return File.Exists(full) ? File.ReadAllText(full).TrimEnd() : null;
    }
}
