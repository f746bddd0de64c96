using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer;

/// <summary>
/// Which servers of a shared store live: each has a Lease (https://kubernetes.io/docs/concepts/architecture/leases/#api-server-identity)
/// with its address, renews it, and removes those of others that do not. Their addresses are the endpoints of default/kubernetes.
/// </summary>
internal sealed class ServerPresence(Registry registry, IPEndPoint own, ILogger log, TimeProvider time)
{
    private const string Namespace = "kube-system";
    private const string Label = "apiserver.kubernetes.io/identity";
    private const string Address = "fairlead.io/advertise-address";
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5), Duration = TimeSpan.FromSeconds(15);
    private readonly Kind _leases = registry.Kinds.Find("coordination.k8s.io", "v1", "leases")!;
    private readonly ConcurrentDictionary<string, (long Revision, long At)> _seen = new();

    private string Name { get; } = $"apiserver-{own.Address.ToString().Replace('.', '-').Replace(':', '-')}-{own.Port}";

    /// <summary>Where pods and nodes reach the servers that live; those at another port than this one's have no place in one list of endpoints.</summary>
    public IReadOnlyList<IPAddress> Addresses =>
    [
        .. Leases().Select(lease => lease.ToTree().Text("metadata", "annotations", Address))
            .Select(text => IPEndPoint.TryParse(text ?? "", out var address) ? address : own).Append(own)
            .Where(address => address.Port == own.Port).Select(address => address.Address).Distinct().OrderBy(address => address.ToString(), StringComparer.Ordinal),
    ];

    /// <summary>Whether the change is of a server that came or went.</summary>
    public static bool Concerns(CacheEvent change, Kind kind) =>
        kind is { Plural: "leases", Group: "coordination.k8s.io" } && (change.Old is null || change.New is null) && IsOfServer((change.New ?? change.Old)!);

    /// <summary>Makes this server's Lease, or renews it.</summary>
    public async Task AnnounceAsync(CancellationToken cancel)
    {
        if (registry.Cache.Find(_leases, _leases.Key(Namespace, Name)) is not null)
        {
            try
            {
                await registry.UpdateAsync(
                    _leases, Namespace, Name, UpdateScope.Object,
                    lease =>
                    {
                        lease.Child("spec")["renewTime"] = Now();
                        return lease;
                    },
                    null, WriteOptions.Own, cancel);
                return;
            }
            catch (ApiError e) when (e.Reason == "NotFound")
            {
                // Another server took this one for dead.
            }
        }
        try
        {
            await registry.CreateAsync(_leases, Namespace, New(), WriteOptions.Own, cancel);
        }
        catch (ApiError e) when (e.Reason == "AlreadyExists")
        {
            // Made a moment ago, by this server in another of its tasks.
        }
    }

    /// <summary>Until cancelled; then this server's Lease goes, so that nobody is sent to it any more.</summary>
    public async Task KeepAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.Delay(Every, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!cancel.IsCancellationRequested) await TryAsync(() => RenewAsync(cancel));
        }
        await TryAsync(() => registry.DeleteAsync(_leases, Namespace, Name, Deletion.Default, CancellationToken.None));
    }

    private async Task RenewAsync(CancellationToken cancel)
    {
        await AnnounceAsync(cancel);
        foreach (var lease in Leases().Where(lease => lease.Name != Name))
        {
            var seen = _seen.AddOrUpdate(lease.Name, _ => (lease.Revision, time.GetTimestamp()), (_, before) => before.Revision == lease.Revision ? before : (lease.Revision, time.GetTimestamp()));
            if (time.GetElapsedTime(seen.At) < Duration) continue;
            ServerPresenceLog.Gone(log, lease.Name, Duration.TotalSeconds);
            var asSeen = Deletion.Default with { ResourceVersion = lease.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture) };
            await registry.DeleteAsync(_leases, Namespace, lease.Name, asSeen, cancel);
        }
    }

    private async Task TryAsync(Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e) when (e is ApiError or StoreException or OperationCanceledException)
        {
            // The next time will do.
            ServerPresenceLog.NotAnnounced(log, e.Message);
        }
    }

    private IEnumerable<StoredObject> Leases() => registry.Cache[_leases].Objects.Values.Where(IsOfServer);

    private static bool IsOfServer(StoredObject lease) => lease.Namespace == Namespace && lease.Labels.GetValueOrDefault(Label) == "kube-apiserver";

    private JsonObject New() => new()
    {
        ["metadata"] = new JsonObject
        {
            ["name"] = Name,
            ["labels"] = new JsonObject { [Label] = "kube-apiserver", ["kubernetes.io/hostname"] = Dns.GetHostName() },
            ["annotations"] = new JsonObject { [Address] = own.ToString() },
        },
        ["spec"] = new JsonObject { ["holderIdentity"] = Name, ["leaseDurationSeconds"] = (int)Duration.TotalSeconds, ["renewTime"] = Now() },
    };

    private string Now() => Timestamps.Micro(time.GetUtcNow());
}

internal static partial class ServerPresenceLog
{
    [LoggerMessage(5091, LogLevel.Warning, "server {Name} has not renewed its lease for {Seconds} s; it is taken out of default/kubernetes")]
    public static partial void Gone(ILogger log, string name, double seconds);

    [LoggerMessage(5092, LogLevel.Warning, "this server's lease could not be kept: {Reason}")]
    public static partial void NotAnnounced(ILogger log, string reason);
}
