namespace Fairlead.Node.Runtime.Oci;

/// <summary>Removes cgroups (cgroups(7)): folders that are deleted from the leaves up, once nothing runs in them.</summary>
internal static class PodCgroups
{
    private const string Mount = "/sys/fs/cgroup";

    /// <summary>Removes the group and those below it, in every hierarchy of cgroup v1 or in the single one of v2.</summary>
    public static void Delete(string group)
    {
        foreach (var hierarchy in Hierarchies()) DeleteTree(hierarchy + group);
    }

    /// <summary>The processes in the group and in those below it.</summary>
    public static IEnumerable<int> Processes(string group) => Hierarchies()
        .Where(hierarchy => Directory.Exists(hierarchy + group))
        .SelectMany(hierarchy => Directory.EnumerateFiles(hierarchy + group, "cgroup.procs", SearchOption.AllDirectories))
        .SelectMany(File.ReadLines)
        .Select(line => int.Parse(line, System.Globalization.CultureInfo.InvariantCulture))
        .Distinct();

    /// <summary>
    /// Removes the group and those above it, as far as nothing else is in them: the last node of a cluster takes the cluster's
    /// group with it. Not while pods are started: the runtime may be about to make one of its own in it.
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
        catch (IOException) when (Directory.EnumerateDirectories(folder).Any())
        {
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
