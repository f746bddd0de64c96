using System.Collections.Concurrent;
using System.Collections.Immutable;
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
    private readonly ConcurrentDictionary<string, PodRuntimeState> _pods = new();
    private readonly ConcurrentDictionary<string, string> _podOfContainer = new();
    private readonly FolderWatcher _exits;
    private readonly FolderWatcher _execs;

    public OciRuntime(OciRuntimeKind kind, string version, OciCommand command, NodePaths paths, PodNetwork network, TimeProvider time, ILogger log)
    {
        Name = kind == OciRuntimeKind.Crun ? "crun" : "runc";
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

    public IReadOnlyCollection<string> PodUids => [.. _pods.Keys];

    public event Action<string>? Changed;

    public PodRuntimeState Observe(string podUid) => _pods.GetValueOrDefault(podUid, PodRuntimeState.Nothing);

    /// <summary>Lets go of the watches; containers run on.</summary>
    public void Dispose()
    {
        _exits.Dispose();
        _execs.Dispose();
    }

    private ContainerFiles FilesOf(string podUid, string id) => new(_paths, podUid, id);

    private ContainerState? Find(string podUid, string id) => Observe(podUid).Containers.FirstOrDefault(container => container.Id == id);

    private void Update(string podUid, Func<PodRuntimeState, PodRuntimeState> change) =>
        _pods.AddOrUpdate(podUid, _ => change(PodRuntimeState.Nothing), (_, state) => change(state));

    private void Put(ContainerState container)
    {
        _podOfContainer[container.Id] = container.PodUid;
        Update(container.PodUid, state => state with
        {
            Containers = state.Containers.RemoveAll(other => other.Id == container.Id).Add(container),
        });
    }

    private void OnExit(string id)
    {
        if (!_podOfContainer.TryGetValue(id, out var podUid)) return;
        if (Find(podUid, id) is not { Phase: not ContainerPhase.Exited } container) return;
        var files = FilesOf(podUid, id);
        if (files.ReadExit() is not { } exit || ReadRecord(files) is not { } record) return;
        var ended = Ended(record, exit.Code, exit.At, files.RanOutOfMemory);
        // The two watchers of a restart may both come here; the first one tells.
        Put(ended with { StartedAt = ended.StartedAt ?? container.StartedAt ?? ended.CreatedAt });
        Changed?.Invoke(podUid);
    }

    private static ContainerRecord? ReadRecord(ContainerFiles files) => RecordFile.Read(files.Record, RecordJson.Default.ContainerRecord);

    private static ContainerState Ended(ContainerRecord record, int code, DateTimeOffset at, bool outOfMemory) =>
        record.State(ContainerPhase.Exited) with
        {
            ExitCode = code,
            FinishedAt = at,
            Reason = record.StartFailure is not null ? "StartError" : outOfMemory ? "OOMKilled" : code == 0 ? "Completed" : "Error",
            Message = record.StartFailure ?? LastWords.Read(record, code),
        };
}
