using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Kube.Json;
using Fairlead.Node.Api;
using Fairlead.Node.Volumes;
using k8s.Models;

namespace Fairlead.Unit.Node;

/// <summary>An API server of one node's pods: applies status patches as the real one does and remembers events.</summary>
internal sealed class FakePodApi : IPodApi
{
    private readonly ConcurrentDictionary<string, V1Pod> _pods = new();
    private readonly Lock _lock = new();
    private int _version;

    public event Action<V1Pod?, V1Pod?>? Changed;

    public ConcurrentQueue<(string Reason, string Message)> Events { get; } = new();

    public ConcurrentDictionary<string, V1ConfigMap> ConfigMaps { get; } = new();

    public int Writes { get; private set; }

    /// <summary>When the last change of readiness was decided, as it was told.</summary>
    public DateTimeOffset? Verdict { get; private set; }

    /// <summary>What goes on in the world while a status is being written.</summary>
    public Action WhileWriting { get; init; } = () => { };

    public V1Pod? Find(string name) => _pods.GetValueOrDefault(name);

    public void Put(V1Pod pod)
    {
        lock (_lock)
        {
            var old = _pods.GetValueOrDefault(pod.Metadata.Name);
            pod.Metadata.ResourceVersion = $"{++_version}";
            _pods[pod.Metadata.Name] = pod;
            Changed?.Invoke(old, pod);
        }
    }

    public void Delete(string name, long grace)
    {
        var copy = Copy(_pods[name]);
        copy.Metadata.DeletionTimestamp = new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        copy.Metadata.DeletionGracePeriodSeconds = grace;
        Put(copy);
    }

    /// <summary>As deletion by force: the object is gone at once.</summary>
    public void Forget(string name)
    {
        if (_pods.TryRemove(name, out var old)) Changed?.Invoke(old, null);
    }

    public async Task WaitForEventAsync(string reason, string message)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!Events.Contains((reason, message)))
        {
            if (TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromSeconds(30))
                throw new TimeoutException($"no event {reason}: {message}; there are " + string.Join(" | ", Events.Select(e => $"{e.Reason}: {e.Message}")));
            await Task.Yield();
        }
    }

    public async Task<V1Pod> WaitAsync(string name, Func<V1Pod?, bool> condition, string what)
    {
        var reached = new TaskCompletionSource<V1Pod?>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(V1Pod? old, V1Pod? now)
        {
            if (condition(_pods.GetValueOrDefault(name))) reached.TrySetResult(_pods.GetValueOrDefault(name));
        }
        Changed += Look;
        Look(null, null);
        try
        {
            return (await reached.Task.WaitAsync(TimeSpan.FromSeconds(20)))!;
        }
        catch (TimeoutException)
        {
            var status = _pods.GetValueOrDefault(name)?.Status;
            throw new TimeoutException($"{name}: never {what}; {(status is null ? "no status" : Encoding.UTF8.GetString(KubeJson.Serialize(status)))}; "
                + string.Join(" | ", Events.Select(e => $"{e.Reason}: {e.Message}")));
        }
        finally
        {
            Changed -= Look;
        }
    }

    public Task PatchStatusAsync(V1Pod pod, JsonObject changes, DateTimeOffset? verdict, CancellationToken cancel)
    {
        WhileWriting();
        lock (_lock)
        {
            Writes++;
            if (_pods.GetValueOrDefault(pod.Metadata.Name) is not { } now || now.Metadata.Uid != pod.Metadata.Uid) return Task.CompletedTask;
            var copy = Copy(now);
            var status = copy.Status is null ? [] : JsonNode.Parse(KubeJson.Serialize(copy.Status))!.AsObject();
            foreach (var (name, value) in changes)
            {
                if (name == "conditions") MergeConditions(status, value!.AsArray());
                else status[name] = value?.DeepClone();
            }
            if (verdict is not null) Verdict = verdict;
            copy.Status = KubeJson.Deserialize<V1PodStatus>(Encoding.UTF8.GetBytes(status.ToJsonString()));
            Put(copy);
        }
        return Task.CompletedTask;
    }

    public Task DeleteAsync(V1Pod pod, CancellationToken cancel)
    {
        if (Find(pod.Metadata.Name)?.Metadata.Uid == pod.Metadata.Uid) Forget(pod.Metadata.Name);
        return Task.CompletedTask;
    }

    public Task<V1ConfigMap?> FindConfigMapAsync(string ns, string name, CancellationToken cancel) => Task.FromResult(ConfigMaps.GetValueOrDefault(name));

    public Task<V1Secret?> FindSecretAsync(string ns, string name, CancellationToken cancel) => Task.FromResult<V1Secret?>(null);

    public ConcurrentDictionary<string, V1RuntimeClass> RuntimeClasses { get; } = new();

    public Task<V1RuntimeClass?> FindRuntimeClassAsync(string name, CancellationToken cancel) => Task.FromResult(RuntimeClasses.GetValueOrDefault(name));

    public int Tokens { get; private set; }

    public Task<string> CreateTokenAsync(V1Pod pod, string? audience, long seconds, CancellationToken cancel) => Task.FromResult($"token-{++Tokens}");

    /// <summary>What is watched now, and how to tell of a change.</summary>
    public ConcurrentDictionary<ObjectRef, Action> Watches { get; } = new();

    public void PutConfigMap(string name, string key, string value)
    {
        ConfigMaps[name] = new V1ConfigMap { Data = new Dictionary<string, string> { [key] = value } };
        if (Watches.TryGetValue(new ObjectRef(false, "default", name), out var changed)) changed();
    }

    public IDisposable Watch(ObjectRef about, Action changed)
    {
        Watches[about] = changed;
        return new Ending(() => Watches.TryRemove(about, out _));
    }

    private sealed class Ending(Action end) : IDisposable
    {
        public void Dispose() => end();
    }

    public void Normal(V1Pod pod, V1Container? container, string reason, string message) => Events.Enqueue((reason, message));

    public void Warning(V1Pod pod, V1Container? container, string reason, string message) => Events.Enqueue((reason, message));

    private static void MergeConditions(JsonObject status, JsonArray changes)
    {
        var all = status["conditions"] as JsonArray ?? [];
        var merged = all.Where(old => !changes.Any(change => change!["type"]!.ToString() == old!["type"]!.ToString()))
            .Concat(changes).Select(node => node!.DeepClone()).ToArray();
        status["conditions"] = new JsonArray(merged);
    }

    private static V1Pod Copy(V1Pod pod) => KubeJson.Deserialize<V1Pod>(KubeJson.Serialize(pod));
}
