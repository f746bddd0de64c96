using Fairlead.Node.Network;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>
/// runc or crun under conmon. What exists is held in memory as one immutable state a pod and swapped whole; the truth on disk
/// (records, exit files) is read once, at start. Calls for one pod must not overlap, but for stopping a container and exec.
/// </summary>
internal sealed partial class OciRuntime : IContainerRuntime, IDisposable
{
    private readonly NodePaths _paths;
    private readonly OciCommand _command;
    private readonly PodNetwork _network;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly PodStates _pods = new();
    private readonly FolderWatcher _exits;
    private readonly FolderWatcher _execs;

    public OciRuntime(RuntimeKind kind, string version, OciCommand command, NodePaths paths, PodNetwork network, TimeProvider time, ILogger log)
    {
        Name = kind == RuntimeKind.Crun ? "crun" : "runc";
        Version = version;
        _command = command;
        _paths = paths;
        _network = network;
        _time = time;
        _log = log;
        _exits = new FolderWatcher(paths.Exits, OnExit);
        _execs = new FolderWatcher(paths.Execs, OnExecStarted);
        Restore();
        _exits.TellAll();
    }

    public string Name { get; }

    public string Version { get; }

    public IReadOnlyCollection<string> PodUids => _pods.Uids;

    public event Action<string>? Changed;

    public PodRuntimeState Observe(string podUid) => _pods.Observe(podUid);

    /// <summary>Lets go of the watches; containers run on.</summary>
    public void Dispose()
    {
        _exits.Dispose();
        _execs.Dispose();
        foreach (var uid in _pauses.Keys) LeavePause(uid);
    }

    private ContainerFiles FilesOf(string podUid, string id) => new(_paths, podUid, id);

    private void OnExit(string id)
    {
        if (!_pods.TryFind(id, out var container) || container.Phase == ContainerPhase.Exited) return;
        var files = FilesOf(container.PodUid, id);
        if (files.ReadExit() is not { } exit || ReadRecord(files) is not { } record) return;
        KillRest(record);
        if (record.SharesProcesses && !HoldsProcesses(container.PodUid)) _pods.LoseSandbox(container.PodUid);
        var ended = record.Ended(exit.Code, exit.At, files.RanOutOfMemory);
        // The two watchers of a restart may both come here; the first one tells.
        _pods.Put(ended with { StartedAt = ended.StartedAt ?? container.StartedAt ?? ended.CreatedAt });
        Changed?.Invoke(container.PodUid);
    }

    private static ContainerRecord? ReadRecord(ContainerFiles files) => RecordFile.Read(files.Record, RecordJson.Default.ContainerRecord);
}
