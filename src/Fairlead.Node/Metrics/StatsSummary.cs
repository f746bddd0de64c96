using System.Text.Json;
using Fairlead.Kube;
using Fairlead.Linux.Files;
using Fairlead.Node.Runtime.Usage;

namespace Fairlead.Node.Metrics;

/// <summary>
/// kubelet's /stats/summary (kubernetes/kubelet, pkg/apis/stats/v1alpha1). Rates are those between two readings; the earlier one is what was
/// last asked for, or is taken half a second before.
/// </summary>
internal sealed class StatsSummary(NodeSnapshots snapshots, DiskSnapshots disks, DateTimeOffset started, TimeProvider time)
{
    private static readonly TimeSpan ShortestWindow = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestWindow = TimeSpan.FromMinutes(2);
    private NodeSnapshot? _before;

    /// <param name="onlyResources">Processor and memory alone, as only_cpu_and_memory asks.</param>
    public async Task<byte[]> WriteAsync(bool onlyResources, CancellationToken cancel)
    {
        var before = Volatile.Read(ref _before);
        if (before is null || time.GetUtcNow() - before.At > LongestWindow) before = snapshots.Take();
        var since = time.GetUtcNow() - before.At;
        if (since < ShortestWindow) await Task.Delay(ShortestWindow - since, time, cancel);
        var now = snapshots.Take();
        Volatile.Write(ref _before, now);
        var disk = onlyResources ? null : await DiskAsync(now, cancel);
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer)) new SummaryWriter(json, before, now, disk).Write(started);
        return buffer.ToArray();
    }

    private async Task<NodeDisk> DiskAsync(NodeSnapshot now, CancellationToken cancel)
    {
        var pods = new Dictionary<string, PodDisk>();
        foreach (var pod in now.Pods) pods[pod.Pod.Metadata.Uid] = await disks.TakeAsync(pod, cancel);
        return new NodeDisk(disks.FileSystem, disks.Images, pods);
    }
}

/// <summary>What is on the node's disk.</summary>
/// <param name="Pods">By UID.</param>
internal sealed record NodeDisk(FileSystemFacts FileSystem, DiskUse Images, IReadOnlyDictionary<string, PodDisk> Pods);

/// <summary>One answer.</summary>
/// <param name="disk">Null: nobody asked for it, nor for the network.</param>
internal sealed class SummaryWriter(Utf8JsonWriter json, NodeSnapshot before, NodeSnapshot now, NodeDisk? disk)
{
    private readonly Dictionary<string, GroupUsage> _earlier = before.Pods
        .SelectMany(pod => pod.Usage.Containers.Select(container => (container.Group, container.Usage)).Prepend((pod.Usage.Group, pod.Usage.Total)))
        .ToDictionary(pair => pair.Item1, pair => pair.Item2);

    public void Write(DateTimeOffset started)
    {
        json.WriteStartObject();
        json.WriteStartObject("node");
        json.WriteString("nodeName", now.Node);
        json.WriteString("startTime", Timestamps.Seconds(started));
        WriteUsage(before.Usage, now.Usage, now.At);
        if (disk is not null) WriteNodeDisk(disk);
        json.WriteEndObject();
        json.WriteStartArray("pods");
        foreach (var pod in now.Pods) WritePod(pod);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WritePod(PodSnapshot pod)
    {
        json.WriteStartObject();
        json.WriteStartObject("podRef");
        json.WriteString("name", pod.Name);
        json.WriteString("namespace", pod.Namespace);
        json.WriteString("uid", pod.Pod.Metadata.Uid);
        json.WriteEndObject();
        if (pod.Pod.Status?.StartTime is { } started) json.WriteString("startTime", Timestamps.Seconds((DateTimeOffset)started));
        json.WriteStartArray("containers");
        foreach (var container in pod.Usage.Containers)
        {
            json.WriteStartObject();
            json.WriteString("name", container.Container.Name);
            if (container.Container.StartedAt is { } at) json.WriteString("startTime", Timestamps.Seconds(at));
            WriteUsage(_earlier.GetValueOrDefault(container.Group), container.Usage, pod.Usage.At);
            if (disk is not null) WriteContainerDisk(disk, pod, container.Container.Id);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteUsage(_earlier.GetValueOrDefault(pod.Usage.Group), pod.Usage.Total, pod.Usage.At);
        if (disk is not null) WritePodDisk(disk, pod);
        if (disk is not null) WriteNetwork(pod);
        if (disk is not null && pod.Usage.Total.Threads is { } threads)
        {
            json.WriteStartObject("process_stats");
            json.WriteNumber("process_count", threads);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private void WriteUsage(GroupUsage? earlier, GroupUsage usage, DateTimeOffset at)
    {
        json.WriteStartObject("cpu");
        json.WriteString("time", Timestamps.Seconds(at));
        // What began in between, or began anew, has no rate yet.
        if (earlier is not null && usage.Processor >= earlier.Processor)
            json.WriteNumber("usageNanoCores", (long)((usage.Processor - earlier.Processor) / (now.At - before.At) * 1e9));
        json.WriteNumber("usageCoreNanoSeconds", usage.Processor.Ticks * TimeSpan.NanosecondsPerTick);
        json.WriteEndObject();
        json.WriteStartObject("memory");
        json.WriteString("time", Timestamps.Seconds(at));
        if (usage.MemoryLimit is { } limit) json.WriteNumber("availableBytes", Math.Max(0, limit - usage.WorkingSet));
        json.WriteNumber("usageBytes", usage.Memory);
        json.WriteNumber("workingSetBytes", usage.WorkingSet);
        json.WriteNumber("rssBytes", usage.Resident);
        json.WriteNumber("pageFaults", usage.PageFaults);
        json.WriteNumber("majorPageFaults", usage.MajorPageFaults);
        json.WriteEndObject();
        json.WriteStartObject("swap");
        json.WriteString("time", Timestamps.Seconds(at));
        json.WriteNumber("swapUsageBytes", usage.Swap);
        json.WriteEndObject();
    }

    /// <summary>The first interface is the pod's; all of them follow.</summary>
    private void WriteNetwork(PodSnapshot pod)
    {
        if (pod.Usage.Interfaces is not [var first, ..]) return;
        json.WriteStartObject("network");
        json.WriteString("time", Timestamps.Seconds(pod.Usage.At));
        WriteInterface(first);
        json.WriteStartArray("interfaces");
        foreach (var one in pod.Usage.Interfaces)
        {
            json.WriteStartObject();
            WriteInterface(one);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteInterface(InterfaceUsage one)
    {
        json.WriteString("name", one.Name);
        json.WriteNumber("rxBytes", one.ReceivedBytes);
        json.WriteNumber("rxErrors", one.ReceiveErrors);
        json.WriteNumber("txBytes", one.SentBytes);
        json.WriteNumber("txErrors", one.SendErrors);
    }

    private void WriteNodeDisk(NodeDisk disk)
    {
        var all = disk.FileSystem;
        WriteFileSystem("fs", all, new DiskUse(all.Capacity - all.Free, all.Inodes - all.InodesFree));
        json.WriteStartObject("runtime");
        WriteFileSystem("imageFs", all, disk.Images);
        json.WriteEndObject();
    }

    private void WriteContainerDisk(NodeDisk disk, PodSnapshot pod, string container)
    {
        var (root, logs) = disk.Pods[pod.Pod.Metadata.Uid].Containers.GetValueOrDefault(container);
        WriteFileSystem("rootfs", disk.FileSystem, root);
        WriteFileSystem("logs", disk.FileSystem, logs);
    }

    private void WritePodDisk(NodeDisk disk, PodSnapshot pod)
    {
        var own = disk.Pods[pod.Pod.Metadata.Uid];
        if (own.Volumes.Count > 0)
        {
            json.WriteStartArray("volume");
            foreach (var volume in own.Volumes) WriteFileSystem(null, volume.FileSystem, volume.Use, volume.Name);
            json.WriteEndArray();
        }
        WriteFileSystem("ephemeral-storage", disk.FileSystem, own.Total);
    }

    private void WriteFileSystem(string? property, FileSystemFacts facts, DiskUse use, string? name = null)
    {
        if (property is null) json.WriteStartObject();
        else json.WriteStartObject(property);
        json.WriteString("time", Timestamps.Seconds(now.At));
        json.WriteNumber("availableBytes", facts.Available);
        json.WriteNumber("capacityBytes", facts.Capacity);
        json.WriteNumber("usedBytes", use.Bytes);
        json.WriteNumber("inodesFree", facts.InodesFree);
        json.WriteNumber("inodes", facts.Inodes);
        json.WriteNumber("inodesUsed", use.Inodes);
        if (name is not null) json.WriteString("name", name);
        json.WriteEndObject();
    }
}
