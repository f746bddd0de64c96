using System.Globalization;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime;

/// <summary>The groups of cgroups(7) that hold pods: their weight at first; at last they are deleted from the leaves up, once nothing runs in them.</summary>
internal static class PodCgroups
{
    private const string Mount = "/sys/fs/cgroup";

    /// <summary>
    /// Makes the group in every hierarchy and gives it and those above it the weight that kubelet gives all pods of a node: 1024 a
    /// processor. With the kernel's own weight, 1024 for all, pods that are probed would wait seconds behind a compiler. In cgroup v2 the kernel's own is more than kubelet's.
    /// </summary>
    public static void Make(string group, int processors)
    {
        const int OneProcessor = 1024;
        foreach (var hierarchy in Hierarchies())
        {
            MakeFolder(hierarchy + group);
            if (!File.Exists($"{hierarchy}/cpu.shares")) continue;
            for (var above = group; above.Length > 1; above = Path.GetDirectoryName(above)!)
                File.WriteAllText($"{hierarchy}{above}/cpu.shares", (OneProcessor * processors).ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Removes the group and those below it, in every hierarchy of cgroup v1 or in the single one of v2.</summary>
    public static void Delete(string group)
    {
        foreach (var hierarchy in Hierarchies()) DeleteTree(hierarchy + group);
    }

    /// <summary>The processes in the group and in those below it.</summary>
    public static IEnumerable<int> Processes(string group) => Hierarchies()
        .Where(hierarchy => Directory.Exists(hierarchy + group))
        .SelectMany(hierarchy => Folders(hierarchy + group))
        .SelectMany(folder => ReadLines($"{folder}/cgroup.procs"))
        .Select(line => int.Parse(line, CultureInfo.InvariantCulture))
        .Distinct();

    /// <summary>Kills what runs in the group and in those below it.</summary>
    public static void Kill(string group)
    {
        // Whoever has the signal starts no process any more; what was started before it came is there at the next look.
        const int Looks = 10;
        for (var look = 0; look < Looks; look++)
        {
            var left = Processes(group).ToList();
            if (left.Count == 0) return;
            foreach (var process in left) ProcessHandle.TrySignal(process, Signal.Kill);
        }
    }

    /// <summary>The folder and all below it; a group may go while it is looked at.</summary>
    private static IEnumerable<string> Folders(string folder)
    {
        string[] below;
        try
        {
            below = Directory.GetDirectories(folder);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        return below.SelectMany(Folders).Prepend(folder);
    }

    private static string[] ReadLines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (IOException)
        {
            // No such device: the group was removed after its file was opened. In a group that is gone there is no process.
            return [];
        }
    }

    /// <summary>
    /// Removes the group and those above it, as far as nothing else is in them: the last node of a cluster takes the cluster's
    /// group with it. A node that runs keeps those above its own in every hierarchy by <see cref="Make"/>.
    /// </summary>
    public static void DeleteUpwards(string group)
    {
        foreach (var hierarchy in Hierarchies())
        {
            for (var above = group; above.Length > 1; above = Path.GetDirectoryName(above)!)
            {
                if (!TryDeleteEmpty(hierarchy + above)) break;
            }
        }
    }

    private static void MakeFolder(string folder)
    {
        while (true)
        {
            try
            {
                Directory.CreateDirectory(folder);
                return;
            }
            catch (DirectoryNotFoundException) when (Directory.Exists(Mount))
            {
                // The last node of another cluster took away the folder above, which was still empty: once more.
            }
        }
    }

    private static IEnumerable<string> Hierarchies() => File.Exists($"{Mount}/cgroup.controllers") ? [Mount] : Directory.EnumerateDirectories(Mount);

    private static bool TryDeleteEmpty(string folder)
    {
        try
        {
            Directory.Delete(folder);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            // Busy: who has a group in it takes it away.
            return false;
        }
    }

    private static void DeleteTree(string folder)
    {
        if (!Directory.Exists(folder)) return;
        foreach (var child in Directory.EnumerateDirectories(folder)) DeleteTree(child);
        try
        {
            // Not recursive: the kernel's own files in the folder go with it and cannot be deleted one by one.
            Directory.Delete(folder);
        }
        catch (Exception e) when (e is DirectoryNotFoundException || !Directory.Exists(folder))
        {
        }
    }
}
