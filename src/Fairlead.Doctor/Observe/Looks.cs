using System.Collections.Concurrent;
using System.Net;
using Fairlead.Doctor.Snapshot;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using k8s.Models;

namespace Fairlead.Doctor.Observe;

/// <summary>
/// The looks of one examination, each taken once however many services ask for it: thousands of services share nodes, kernels,
/// pods and DNS servers. Not all at once, for each enters a namespace on a thread of its own.
/// </summary>
internal sealed class Looks(ILocalCluster cluster, Exchange exchange, TimeProvider time) : IDisposable
{
    private const int MostAtOnce = 128;
    private readonly SemaphoreSlim _turns = new(MostAtOnce);
    private readonly ConcurrentDictionary<string, Lazy<(IKernelView? View, string? Failure)>> _kernels = new();
    private readonly ConcurrentDictionary<string, Lazy<PodSockets?>> _sockets = new();
    private readonly ConcurrentDictionary<(string? Node, IPEndPoint To), Lazy<Task<(ConnectOutcome, TimeSpan)>>> _connects = new();
    private readonly ConcurrentDictionary<(string Node, string Url), Lazy<Task<HttpSeen>>> _gets = new();
    private readonly ConcurrentDictionary<(string Node, IPEndPoint Server), DnsAnswer> _silent = new();
    private readonly ConcurrentDictionary<IPAddress, Lazy<IPAddress?>> _sources = new();

    /// <summary>What a node's kernel does for a service. The first one waits for the kernel's tables to be read.</summary>
    internal KernelSeen Kernel(LocalNode node, ServiceCase service)
    {
        var start = time.GetTimestamp();
        var (view, failure) = _kernels.GetOrAdd(node.Name, _ => new(() => Read(node))).Value;
        if (view is null) return new KernelSeen(node.Name, 0, [], failure, time.GetElapsedTime(start));
        var found = view.Compare(service.Service, service.Slices);
        return new KernelSeen(node.Name, found.Wanted, found.Differences, null, time.GetElapsedTime(start));
    }

    /// <summary>The sockets of a pod of this machine; null for others, and for those of the host's network.</summary>
    internal PodSockets? Sockets(V1Pod pod) =>
        pod.Spec?.HostNetwork == true ? null : _sockets.GetOrAdd(pod.Metadata.NamespaceProperty + "/" + pod.Metadata.Name, _ => new(() => Read(pod))).Value;

    /// <param name="node">Null: from this machine.</param>
    internal Task<(ConnectOutcome Outcome, TimeSpan Took)> ConnectAsync(LocalNode? node, IPEndPoint to, CancellationToken cancel) =>
        _connects.GetOrAdd((node?.Name, to), _ => new(() => InTurnAsync(() => exchange.ConnectAsync(node?.NetworkNamespace, to, cancel), cancel))).Value;

    internal Task<HttpSeen> GetAsync(LocalNode node, string url, CancellationToken cancel) =>
        _gets.GetOrAdd((node.Name, url), _ => new(() => InTurnAsync(() => exchange.GetAsync(node.Name, node.NetworkNamespace, url, null, cancel), cancel))).Value;

    /// <summary>One that was silent once is not asked for other names: each question would wait as long.</summary>
    internal async Task<DnsAnswer> AskAsync(LocalNode node, IPEndPoint server, string name, CancellationToken cancel)
    {
        if (_silent.TryGetValue((node.Name, server), out var known)) return known with { Name = name };
        var answer = await InTurnAsync(() => _silent.TryGetValue((node.Name, server), out var now) ? Task.FromResult(now with { Name = name }) : exchange.AskAsync(node.NetworkNamespace, server, name, cancel), cancel);
        if (answer.Outcome == DnsOutcome.Silent) _silent.TryAdd((node.Name, server), answer);
        return answer;
    }

    /// <summary>This machine's own address on the way to another.</summary>
    internal IPAddress? SourceTo(IPAddress to) => _sources.GetOrAdd(to, _ => new(() => Exchange.SourceTo(to))).Value;

    public void Dispose() => _turns.Dispose();

    private async Task<T> InTurnAsync<T>(Func<Task<T>> look, CancellationToken cancel)
    {
        await _turns.WaitAsync(cancel);
        try
        {
            return await look();
        }
        finally
        {
            _turns.Release();
        }
    }

    private (IKernelView? View, string? Failure) Read(LocalNode node)
    {
        try
        {
            return (cluster.ReadKernel(node), null);
        }
        catch (LinuxException failure)
        {
            return (null, failure.Message);
        }
    }

    private PodSockets? Read(V1Pod pod)
    {
        try
        {
            return cluster.FindPod(pod) is { } local ? new PodSockets(pod.Metadata.Name, NetworkNamespace.Run(local.NetworkNamespace, SocketTable.ReadHere)) : null;
        }
        catch (LinuxException)
        {
            // Its namespace went away while we looked.
            return null;
        }
    }
}
