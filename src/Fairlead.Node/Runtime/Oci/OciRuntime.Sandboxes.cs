using Fairlead.Linux.Mounts;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    private const long SharedMemoryBytes = 64 << 20;

    public async Task<PodSandbox> RunSandboxAsync(SandboxConfig config, CancellationToken cancel)
    {
        await EndPauseAsync(config.PodUid, cancel);
        var sandbox = await Task.Run(() => RunSandbox(config), cancel);
        if (config.SharedProcesses && !config.HostPid) await StartPauseAsync(sandbox, cancel);
        WriteSandbox(sandbox);
        _pods.Put(config.PodUid, sandbox);
        return sandbox;
    }

    public async Task StopSandboxAsync(string podUid, CancellationToken cancel)
    {
        await EndPauseAsync(podUid, cancel);
        await Task.Run(() => StopSandbox(podUid), cancel);
    }

    public async Task RemoveSandboxAsync(string podUid, CancellationToken cancel)
    {
        foreach (var container in Observe(podUid).Containers) await RemoveContainerAsync(podUid, container.Id, cancel);
        await EndPauseAsync(podUid, cancel);
        await Task.Run(() => RemovePod(podUid), cancel);
    }

    private PodSandbox RunSandbox(SandboxConfig config)
    {
        var uid = config.PodUid;
        if (config.RuntimeHandler.Length > 0 && config.RuntimeHandler != Name) throw new RuntimeException($"no runtime for \"{config.RuntimeHandler}\" is configured; this node has {Name}");
        Directory.CreateDirectory(_paths.Pod(uid));
        RemoveNamespaces(uid);
        try
        {
            var sandbox = new PodSandbox(uid, config.Namespace, config.Name, config.HostName, config.HostNetwork, null, _time.GetUtcNow(), Ready: true);
            // Written before anything is made, so that an agent that dies in between finds what to take down.
            WriteSandbox(sandbox with { Ready = false });
            CreateNamespaces(config);
            if (!config.HostNetwork)
            {
                var address = _network.Attach(uid, $"{_paths.Namespaces(uid)}/net");
                _network.MapPorts(address, config.Ports);
                sandbox = sandbox with { Address = address.ToString() };
            }
            return sandbox;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            StopSandbox(uid);
            throw new RuntimeException(e.Message, e);
        }
    }

    private void CreateNamespaces(SandboxConfig config)
    {
        var folder = _paths.Namespaces(config.PodUid);
        Directory.CreateDirectory($"{folder}/shm");
        Mount.Tmpfs($"{folder}/shm", SharedMemoryBytes, "1777", MountOptions.NoDevices | MountOptions.NoSetUid | MountOptions.NoExecute);
        // With the node's network only the IPC namespace is used; the others cost nothing and keep one path through here.
        using var made = NetworkNamespace.Create(new NamespacePaths
        {
            Network = $"{folder}/net",
            Uts = $"{folder}/uts",
            HostName = config.HostName,
            Ipc = $"{folder}/ipc",
        });
    }

    private void StopSandbox(string uid)
    {
        _network.Detach(uid);
        RemoveNamespaces(uid);
        if (Observe(uid).Sandbox is { } sandbox)
        {
            WriteSandbox(sandbox with { Ready = false });
            _pods.Put(uid, sandbox with { Ready = false });
        }
    }

    private void WriteSandbox(PodSandbox sandbox) =>
        RecordFile.Write($"{_paths.Pod(sandbox.PodUid)}/sandbox.json", sandbox, RecordJson.Default.PodSandbox);

    private void RemoveNamespaces(string uid)
    {
        var folder = _paths.Namespaces(uid);
        foreach (var kind in (string[])["net", "uts", "ipc"]) NetworkNamespace.Delete($"{folder}/{kind}");
        Mount.Unmount($"{folder}/shm", lazy: true);
    }

    private void RemovePod(string uid)
    {
        StopSandbox(uid);
        var sandbox = Observe(uid).Sandbox;
        PodCgroups.Delete(_paths.PodCgroup(uid));
        MountedFolders.Delete(_paths.Namespaces(uid));
        if (sandbox is not null) MountedFolders.Delete(_paths.PodLogs(sandbox.Namespace, sandbox.Name, uid));
        MountedFolders.Delete(_paths.Pod(uid));
        _pods.Remove(uid);
    }
}
