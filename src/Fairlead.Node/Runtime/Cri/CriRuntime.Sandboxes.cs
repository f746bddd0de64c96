namespace Fairlead.Node.Runtime.Cri;

internal sealed partial class CriRuntime
{
    public async Task<PodSandbox> RunSandboxAsync(SandboxConfig config, CancellationToken cancel)
    {
        var uid = config.PodUid;
        Directory.CreateDirectory(paths.Pod(uid));
        Directory.CreateDirectory(LogFolder(config.Namespace, config.Name, uid));
        var sandbox = new PodSandbox(uid, config.Namespace, config.Name, config.HostName, config.HostNetwork, null, time.GetUtcNow(), Ready: true);
        // Written before anything is made, so that an agent that dies in between finds what to take down.
        WriteSandbox(sandbox with { Ready = false });
        try
        {
            var earlier = await client.ListSandboxesAsync(OfPod(uid), cancel);
            foreach (var one in earlier) await client.StopSandboxAsync(one.Id, cancel);
            var attempt = earlier.Count == 0 ? 0 : earlier.Max(one => one.Attempt) + 1;
            var message = SandboxMessages.Config(
                config, attempt, LogFolder(config.Namespace, config.Name, uid), paths.PodCgroup(uid), Labels(config.Namespace, config.Name, uid));
            await File.WriteAllBytesAsync(SandboxMessage(uid), message, cancel);
            if (!config.HostNetwork) sandboxNetwork.Expect(uid, config.Ports);
            var id = await client.RunSandboxAsync(message, config.RuntimeHandler, cancel);
            if (!config.HostNetwork) sandbox = sandbox with { Address = await client.AddressOfAsync(id, cancel) };
            WriteSandbox(sandbox);
            _pods.Put(uid, sandbox);
            return sandbox;
        }
        catch (Exception e) when (e is RuntimeException or IOException)
        {
            await StopSandboxAsync(uid, CancellationToken.None);
            throw new RuntimeException(e.Message, e);
        }
        finally
        {
            sandboxNetwork.Forget(uid);
        }
    }

    public async Task StopSandboxAsync(string podUid, CancellationToken cancel)
    {
        foreach (var sandbox in await client.ListSandboxesAsync(OfPod(podUid), cancel)) await client.StopSandboxAsync(sandbox.Id, cancel);
        network.Detach(podUid);
        if (Directory.Exists(paths.Namespaces(podUid))) File.Delete($"{paths.Namespaces(podUid)}/net");
        if (Observe(podUid).Sandbox is not { } known) return;
        WriteSandbox(known with { Ready = false });
        _pods.Put(podUid, known with { Ready = false });
    }

    public async Task RemoveSandboxAsync(string podUid, CancellationToken cancel)
    {
        foreach (var container in Observe(podUid).Containers) await RemoveContainerAsync(podUid, container.Id, cancel);
        await StopSandboxAsync(podUid, cancel);
        foreach (var sandbox in await client.ListSandboxesAsync(OfPod(podUid), cancel)) await client.RemoveSandboxAsync(sandbox.Id, cancel);
        await Task.Run(() => RemovePod(podUid), cancel);
    }

    private void RemovePod(string uid)
    {
        PodCgroups.Delete(paths.PodCgroup(uid));
        if (Observe(uid).Sandbox is { } sandbox) MountedFolders.Delete(LogFolder(sandbox.Namespace, sandbox.Name, uid));
        MountedFolders.Delete(paths.Namespaces(uid));
        MountedFolders.Delete(paths.Pod(uid));
        _pods.Remove(uid);
    }

    private string LogFolder(string ns, string pod, string uid) => paths.PodLogs(ns, pod, uid);

    /// <summary>What the sandbox was made from, which the runtime wants to hear again with each container.</summary>
    private string SandboxMessage(string uid) => $"{paths.Pod(uid)}/sandbox.pb";

    private void WriteSandbox(PodSandbox sandbox) =>
        RecordFile.Write($"{paths.Pod(sandbox.PodUid)}/sandbox.json", sandbox, RecordJson.Default.PodSandbox);
}
