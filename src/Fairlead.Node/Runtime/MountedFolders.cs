using Fairlead.Linux.Mounts;

namespace Fairlead.Node.Runtime;

/// <summary>
/// Removes folders that had file systems mounted in them. A folder is never deleted through a mount that is still there:
/// behind it may be the node's own root.
/// </summary>
internal static class MountedFolders
{
    /// <exception cref="IOException">Something is still mounted below the folder; nothing was deleted.</exception>
    public static void Delete(string folder)
    {
        if (!Directory.Exists(folder)) return;
        MountTable.UnmountUnder(folder);
        if (MountTable.Under(folder) is [var left, ..])
            throw new IOException($"{left.Target} is still mounted; {folder} was not deleted");
        Directory.Delete(folder, recursive: true);
    }
}
