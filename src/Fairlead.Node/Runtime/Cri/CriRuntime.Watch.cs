using Fairlead.Kube.Grpc;
using Fairlead.Kube.Protobuf;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>How the node learns what became of containers: it lists them every second, as kubelet does, and where the runtime tells of ends itself, at once.</summary>
internal sealed partial class CriRuntime
{
    private static readonly TimeSpan ListEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(5);
    private const int MostLooks = 20;

    /// <summary>Reads what an earlier agent left, without touching a container that runs.</summary>
    public async Task RestoreAsync(CancellationToken cancel)
    {
        var sandboxes = (await client.ListSandboxesAsync(OfThisNode, cancel)).ToLookup(sandbox => sandbox.Labels.GetValueOrDefault(PodUidLabel, ""));
        var containers = (await client.ListContainersAsync(OfThisNode, cancel)).ToDictionary(container => container.Id);
        foreach (var folder in Directory.EnumerateDirectories(paths.Pods))
        {
            var uid = Path.GetFileName(folder);
            var sandbox = RecordFile.Read($"{folder}/sandbox.json", RecordJson.Default.PodSandbox);
            _pods.Put(uid, sandbox is null ? null : sandbox with { Ready = sandbox.Ready && sandboxes[uid].Any(one => one.Ready) });
            if (!Directory.Exists($"{folder}/containers")) continue;
            foreach (var container in Directory.EnumerateDirectories($"{folder}/containers")) await RestoreContainerAsync(container, containers, cancel);
        }
        // Of these nothing was written down: the agent died over them.
        foreach (var unknown in containers.Keys.Where(id => !_pods.TryFind(id, out _))) await client.RemoveContainerAsync(unknown, cancel);
        foreach (var unknown in sandboxes.Where(pod => !_pods.Has(pod.Key)).SelectMany(pod => pod))
        {
            await client.StopSandboxAsync(unknown.Id, cancel);
            await client.RemoveSandboxAsync(unknown.Id, cancel);
        }
    }

    /// <summary>Follows the runtime until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var hearing = HearAsync(cancel);
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await ListAsync(cancel);
            }
            catch (RuntimeException e) when (!cancel.IsCancellationRequested)
            {
                RuntimeLog.OutOfReach(log, client.Socket, e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                break;
            }
            await Task.Delay(ListEvery, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await hearing;
    }

    private async Task ListAsync(CancellationToken cancel)
    {
        // What is known now: a container that is made meanwhile may be in one and not in the other.
        var known = _pods.Containers.Where(container => container.Phase != ContainerPhase.Exited).ToList();
        var pods = PodUids.Where(uid => Observe(uid).Sandbox is { Ready: true }).ToList();
        var containers = (await client.ListContainersAsync(OfThisNode, cancel)).ToDictionary(container => container.Id);
        foreach (var container in known)
        {
            if (containers.GetValueOrDefault(container.Id) is not { Phase: ContainerPhase.Created or ContainerPhase.Running }) await LookAsync(container.Id, cancel);
        }
        var ready = (await client.ListSandboxesAsync(OfThisNode, cancel)).Where(sandbox => sandbox.Ready).Select(sandbox => sandbox.Labels.GetValueOrDefault(PodUidLabel)).ToHashSet();
        foreach (var uid in pods.Where(uid => !ready.Contains(uid)))
        {
            if (Observe(uid).Sandbox is not { Ready: true } sandbox) continue;
            _pods.Put(uid, sandbox with { Ready = false });
            Changed?.Invoke(uid);
        }
    }

    /// <summary>Takes over how a container is now; answers whether it has ended.</summary>
    private async Task<bool> LookAsync(string id, CancellationToken cancel)
    {
        if (!_pods.TryFind(id, out var container) || container.Phase == ContainerPhase.Exited) return true;
        var ended = await StatusAsync(container, cancel);
        if (ended is null) return false;
        // Two may look at once; the first one tells.
        if (_pods.Find(container.PodUid, id) is not { Phase: not ContainerPhase.Exited }) return true;
        _pods.Put(ended);
        Changed?.Invoke(container.PodUid);
        return true;
    }

    /// <summary>The container's end, or null while it has not come.</summary>
    private async Task<ContainerState?> StatusAsync(ContainerState container, CancellationToken cancel)
    {
        var record = ReadRecord(container);
        try
        {
            var status = await client.ContainerStatusAsync(container.Id, cancel);
            return status.Phase == ContainerPhase.Exited && record is not null ? Ended(record, status) : null;
        }
        catch (CriException e) when (e.Code == GrpcCode.NotFound)
        {
            return record?.Lost(time.GetUtcNow());
        }
    }

    private ContainerState Ended(ContainerRecord record, CriContainerStatus status)
    {
        var ended = record.Ended(status.ExitCode, status.FinishedAt ?? time.GetUtcNow(), status.Reason == "OOMKilled");
        return ended with { StartedAt = status.StartedAt ?? ended.StartedAt ?? ended.CreatedAt };
    }

    private async Task RestoreContainerAsync(string folder, Dictionary<string, ListedContainer> containers, CancellationToken cancel)
    {
        // Without a record it was never more than half made.
        if (RecordFile.Read($"{folder}/container.json", RecordJson.Default.ContainerRecord) is not { } record) return;
        if (record.StartFailure is not null) _pods.Put(record.Ended(ContainerRecord.StartFailureCode, record.StartedAt ?? record.CreatedAt, false));
        else if (containers.GetValueOrDefault(record.Id) is not { } listed) _pods.Put(record.Lost(time.GetUtcNow()));
        else if (listed.Phase == ContainerPhase.Running) _pods.Put((record with { StartedAt = record.StartedAt ?? record.CreatedAt }).Running());
        else if (listed.Phase == ContainerPhase.Exited) _pods.Put(Ended(record, await client.ContainerStatusAsync(record.Id, cancel)));
        else
        {
            // The agent died between creating and starting it: its end makes way for the next.
            await client.RemoveContainerAsync(record.Id, cancel);
            _pods.Put(record.Lost(time.GetUtcNow()));
        }
    }

    /// <summary>containerd's own events, as long as there is one who tells them; the list is what counts.</summary>
    private async Task HearAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await foreach (var message in client.Channel.ServerStreamAsync("containerd.services.events.v1.Events/Subscribe", TaskExits, cancel)) await TakeAsync(message, cancel);
            }
            catch (GrpcException e) when (e.Code == GrpcCode.Unimplemented)
            {
                return;
            }
            catch (Exception e) when (e is GrpcException or RuntimeException or WireException or OperationCanceledException)
            {
                // It is told of where the list fails too.
            }
            await Task.Delay(ListEvery, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static readonly byte[] TaskExits = WireMessage.Write(message => message.Text(1, "topic==\"/tasks/exit\""));

    /// <summary>The runtime's CRI side hears of the end when we do, and may say a moment later that it has come.</summary>
    private async Task TakeAsync(byte[] message, CancellationToken cancel)
    {
        if (ExitedContainer(message) is not { } id || !_pods.TryFind(id, out _)) return;
        for (var look = 1; look <= MostLooks && !await LookAsync(id, cancel); look++) await Task.Delay(FirstLook * look, time, cancel);
    }

    /// <summary>
    /// The container whose own process the event tells the end of: Envelope (containerd, api/services/events/v1) with a TaskExit
    /// (api/events/task.proto), whose id differs from the container's for an exec.
    /// </summary>
    private static string? ExitedContainer(ReadOnlySpan<byte> envelope)
    {
        var exit = WireMessage.Part(WireMessage.Part(envelope, 4), 2);
        return WireMessage.TextOf(exit, 1) is { Length: > 0 } id && id == WireMessage.TextOf(exit, 2) ? id : null;
    }
}
