namespace Fairlead.System;

/// <summary>What pods leave on the machine, by numbers.</summary>
internal readonly record struct PodTraces(int Folders, int Addresses, int Roots, int Groups, int Supervisors)
{
    /// <summary>Those of a cluster's first node.</summary>
    public static PodTraces Of(string cluster)
    {
        var node = $"/var/lib/fairlead/{cluster}/nodes/node1";
        var group = $"/fairlead/{cluster}/node1";
        var groups = Directory.EnumerateDirectories("/sys/fs/cgroup").Prepend("/sys/fs/cgroup").Select(hierarchy => hierarchy + group).Where(Directory.Exists);
        return new(
            Directory.EnumerateDirectories($"{node}/pods").Count(),
            Directory.EnumerateFiles($"{node}/addresses").Count(),
            File.ReadLines("/proc/self/mountinfo").Count(line => line.Contains($"{node}/pods/", StringComparison.Ordinal) && line.Contains("/rootfs ", StringComparison.Ordinal)),
            groups.Select(folder => Directory.EnumerateDirectories(folder, "pod*").Count()).DefaultIfEmpty().Max(),
            Processes.All().Count(process => process.CommandLine.Contains("/conmon\0", StringComparison.Ordinal) && process.CommandLine.Contains($"/{cluster}/", StringComparison.Ordinal)));
    }
}
