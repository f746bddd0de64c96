using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Informers;

namespace Fairlead.Controllers.Replicas;

/// <summary>
/// The pods that an owner has created or deleted and that the cache does not show yet. While there are any, the owner
/// neither creates nor deletes: it would count wrongly. Names are chosen before the request, so a watch that is faster
/// than the answer is seen as well.
/// </summary>
internal sealed class Expectations(TimeProvider time)
{
    /// <summary>A change that never showed (the watch broke between both of its ends) is given up after this time, as in Kubernetes.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, Pending> _owners = [];

    public void ExpectCreation(ObjectKey owner, string pod) => Expect(owner, pending => pending.Created.Add(pod));

    public void ExpectDeletion(ObjectKey owner, string podUid) => Expect(owner, pending => pending.Deleted.Add(podUid));

    /// <summary>The cache shows the pod, or the request for it failed.</summary>
    public void CreationSeen(ObjectKey owner, string pod) => See(owner, pending => pending.Created.Remove(pod));

    /// <summary>The cache shows the pod deleted or being deleted, or the request failed.</summary>
    public void DeletionSeen(ObjectKey owner, string podUid) => See(owner, pending => pending.Deleted.Remove(podUid));

    /// <summary>Notes what the cache shows of a pod.</summary>
    /// <param name="ownerOf">The pod's owner, if it is of the kind that these expectations are about.</param>
    public void Observe(InformerChange<PodItem> change, Func<PodItem?, ObjectKey?> ownerOf)
    {
        if (change.New is { } pod && ownerOf(pod) is { } owner)
        {
            // A pod first seen and already on its way out both came and went.
            if (change.Old?.Meta.Uid != pod.Meta.Uid) CreationSeen(owner, pod.Key.Name);
            if (pod.Meta.IsDeleting) DeletionSeen(owner, pod.Meta.Uid);
        }
        if (change.Old is { } old && ownerOf(old) is { } last && change.New?.Meta.Uid != old.Meta.Uid) DeletionSeen(last, old.Meta.Uid);
    }

    public bool AreMet(ObjectKey owner)
    {
        lock (_lock)
        {
            if (!_owners.TryGetValue(owner, out var pending)) return true;
            if (pending.Created.Count + pending.Deleted.Count > 0 && time.GetElapsedTime(pending.Since) < Patience) return false;
            _owners.Remove(owner);
            return true;
        }
    }

    public void Forget(ObjectKey owner)
    {
        lock (_lock) _owners.Remove(owner);
    }

    private void Expect(ObjectKey owner, Action<Pending> note)
    {
        lock (_lock)
        {
            if (!_owners.TryGetValue(owner, out var pending)) _owners[owner] = pending = new Pending();
            pending.Since = time.GetTimestamp();
            note(pending);
        }
    }

    private void See(ObjectKey owner, Action<Pending> note)
    {
        lock (_lock)
        {
            if (_owners.TryGetValue(owner, out var pending)) note(pending);
        }
    }

    private sealed class Pending
    {
        public HashSet<string> Created { get; } = [];
        public HashSet<string> Deleted { get; } = [];
        public long Since { get; set; }
    }
}
