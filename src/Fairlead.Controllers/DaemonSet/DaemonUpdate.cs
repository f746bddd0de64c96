using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.DaemonSet;

/// <summary>One step of a rolling update: down first (maxUnavailable), or up first (maxSurge).</summary>
internal static class DaemonUpdate
{
    public static DaemonSetDecision Decide(DaemonSetItem set, IReadOnlyList<DaemonPlace> places, DaemonSetStatus status)
    {
        var surge = set.MaxSurge.Of(status.Desired, roundUp: true);
        return surge > 0 ? UpFirst(places, surge, status) : DownFirst(places, set.MaxUnavailable.Of(status.Desired, roundUp: true), status);
    }

    /// <summary>Old pods that are not available go at once, the others as far as maxUnavailable allows.</summary>
    private static DaemonSetDecision DownFirst(IReadOnlyList<DaemonPlace> places, int most, DaemonSetStatus status)
    {
        var missing = places.Count(place => place.Runs && !((place.New ?? place.Old) is { } pod && place.IsAvailable(pod)));
        var broken = places.Where(place => place.New is null && place.Old is { } old && !place.IsAvailable(old)).Select(place => place.Old!);
        var sound = places.Where(place => place.New is null && place.Old is { } old && place.IsAvailable(old)).Select(place => place.Old!);
        return new([], [.. broken, .. sound.Take(Math.Max(0, most - missing))], status);
    }

    /// <summary>A new pod beside the old one, which goes once the new one is available.</summary>
    private static DaemonSetDecision UpFirst(IReadOnlyList<DaemonPlace> places, int most, DaemonSetStatus status)
    {
        var done = places.Where(place => place.Old is not null && place.New is { } fresh && place.IsAvailable(fresh)).Select(place => place.Old!).ToList();
        var beside = places.Count(place => place.Old is not null && place.New is { } fresh && !place.IsAvailable(fresh));
        var waiting = places.Where(place => place.Runs && place.Old is not null && place.New is null).ToList();
        var broken = waiting.Where(place => !place.IsAvailable(place.Old!));
        var sound = waiting.Where(place => place.IsAvailable(place.Old!)).Take(Math.Max(0, most - beside));
        return new([.. broken.Concat(sound).Select(place => place.Node.Name)], done, status);
    }
}
