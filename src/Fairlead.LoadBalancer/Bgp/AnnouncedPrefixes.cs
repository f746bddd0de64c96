using System.Net;
using Fairlead.Kube;

namespace Fairlead.LoadBalancer.Bgp;

/// <summary>What the sessions are to announce: one snapshot, swapped as a whole.</summary>
internal sealed class AnnouncedPrefixes
{
    private Snapshot _current = new(new([]));

    public Snapshot Current => Volatile.Read(ref _current);

    /// <summary>Answers whether it is another set than before; one caller at a time.</summary>
    public bool Replace(EquatableArray<IPAddress> addresses)
    {
        var before = Current;
        if (before.Addresses == addresses) return false;
        Volatile.Write(ref _current, new Snapshot(addresses));
        before.Outdate();
        return true;
    }

    internal sealed class Snapshot(EquatableArray<IPAddress> addresses)
    {
        private readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Of both families.</summary>
        public EquatableArray<IPAddress> Addresses => addresses;

        /// <summary>Completes when there is a later one.</summary>
        public Task Replaced => _replaced.Task;

        public void Outdate() => _replaced.TrySetResult();
    }
}
