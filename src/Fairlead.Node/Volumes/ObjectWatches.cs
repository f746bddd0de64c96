using Fairlead.Node.Api;
using k8s.Models;

namespace Fairlead.Node.Volumes;

/// <summary>A ConfigMap or Secret that a volume is made from.</summary>
internal readonly record struct ObjectRef(bool IsSecret, string Namespace, string Name)
{
    /// <summary>Those of a pod's volumes.</summary>
    public static HashSet<ObjectRef> Of(V1Pod pod)
    {
        var refs = new HashSet<ObjectRef>();
        var ns = pod.Metadata.NamespaceProperty;
        foreach (var volume in pod.Spec.Volumes ?? [])
        {
            Add(false, volume.ConfigMap?.Name);
            Add(true, volume.Secret?.SecretName);
            foreach (var source in volume.Projected?.Sources ?? [])
            {
                Add(false, source.ConfigMap?.Name);
                Add(true, source.Secret?.Name);
            }
        }
        return refs;

        void Add(bool isSecret, string? name)
        {
            if (name is not null) refs.Add(new(isSecret, ns, name));
        }
    }
}

/// <summary>Watches the objects that pods' volumes are made from, each once, however many pods use it.</summary>
/// <param name="changed">Told the UID of each pod that uses an object that has changed.</param>
internal sealed class ObjectWatches(IPodApi api, Action<string> changed) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectRef, Watched> _watches = [];

    public void Follow(string uid, IReadOnlyCollection<ObjectRef> objects)
    {
        lock (_lock)
        {
            foreach (var each in objects)
            {
                if (_watches.TryGetValue(each, out var watched))
                {
                    watched.Pods.Add(uid);
                    continue;
                }
                watched = new Watched { Pods = { uid } };
                _watches[each] = watched;
                watched.Watch = api.Watch(each, () => Tell(each));
            }
        }
    }

    public void Leave(string uid, IReadOnlyCollection<ObjectRef> objects)
    {
        lock (_lock)
        {
            foreach (var each in objects)
            {
                if (!_watches.TryGetValue(each, out var watched) || !watched.Pods.Remove(uid) || watched.Pods.Count > 0) continue;
                watched.Watch?.Dispose();
                _watches.Remove(each);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var watched in _watches.Values) watched.Watch?.Dispose();
            _watches.Clear();
        }
    }

    private void Tell(ObjectRef about)
    {
        string[] pods;
        lock (_lock) pods = _watches.TryGetValue(about, out var watched) ? [.. watched.Pods] : [];
        foreach (var pod in pods) changed(pod);
    }

    private sealed class Watched
    {
        public HashSet<string> Pods { get; } = [];
        public IDisposable? Watch { get; set; }
    }
}
