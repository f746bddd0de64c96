using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Files;

/// <summary>Symbolic links (symlink(7)).</summary>
public static class SymbolicLink
{
    /// <summary>Makes a link or points it elsewhere in one step, so that no reader finds it missing. File.Move does not take links to folders.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void Replace(string path, string target)
    {
        string draft = path + ".new";
        File.Delete(draft);
        File.CreateSymbolicLink(draft, target);
        if (Libc.Rename(draft, path) < 0)
        {
            throw LinuxException.Last($"link {path} to {target}");
        }
    }
}
