using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Patch.Apply;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>
/// Holds namespaces to their quotas, and keeps what is used in their status. What a quota counts is written one object at a time in its
/// namespace, so that two at once cannot both take what is left for one; servers that share a store see to that by turns in it.
/// </summary>
internal sealed class QuotaKeeper(ObjectCache cache, KindTable kinds)
{
    private readonly Kind _quotas = kinds.Find("", "v1", "resourcequotas")!;
    private readonly SemaphoreSlim[] _gates = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1))];

    /// <summary>Waits for the turn of a write that quotas count, and checks it; null where none does.</summary>
    /// <param name="old">Before a change; null for a new object.</param>
    /// <exception cref="ApiError">403: a quota has no room for it.</exception>
    public async ValueTask<QuotaTurn?> EnterAsync(Kind kind, JsonObject obj, JsonObject? old, CancellationToken cancel)
    {
        var ns = obj.Text("metadata", "namespace") ?? "";
        if (!kind.Namespaced || !QuotasOf(ns).Any(quota => Counts(quota, kind, obj, old))) return null;
        var gate = _gates[(uint)ns.GetHashCode(StringComparison.Ordinal) % _gates.Length];
        await gate.WaitAsync(cancel);
        var turn = new QuotaTurn(gate, new Turn("quotas/" + ns, cache.Revision));
        try
        {
            foreach (var quota in QuotasOf(ns)) Check(quota, kind, obj, old, ns);
            return turn;
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    private static bool Counts(JsonObject quota, Kind kind, JsonObject obj, JsonObject? old) =>
        QuotaUsage.IsInScope(quota, kind, obj)
        && (quota.Object("spec", "hard") ?? []).Any(hard => QuotaUsage.Concerns(kind, hard.Key) && (old is null || QuotaUsage.Of(kind, obj, hard.Key) > QuotaUsage.Of(kind, old, hard.Key)));

    /// <summary>Writes what is used into the quotas' status, as it changes, until cancelled.</summary>
    public async Task KeepAsync(Registry registry, ILogger log, CancellationToken cancel)
    {
        var changed = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
        cache.Observe((change, kind) =>
        {
            var ns = (change.New ?? change.Old!).Namespace;
            if (ns.Length > 0 && cache[_quotas].Objects.Count > 0) changed.Writer.TryWrite(ns);
        });
        foreach (var ns in cache[_quotas].Objects.Values.Select(quota => quota.Namespace).Distinct()) changed.Writer.TryWrite(ns);
        try
        {
            while (await changed.Reader.WaitToReadAsync(cancel))
            {
                var namespaces = new HashSet<string>();
                while (changed.Reader.TryRead(out var ns)) namespaces.Add(ns);
                foreach (var quota in namespaces.SelectMany(QuotasOf).ToList()) await WriteAsync(registry, quota, log, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    private List<JsonObject> QuotasOf(string ns) => [.. cache[_quotas].Objects.Values.Where(quota => quota.Namespace == ns).Select(quota => quota.ToTree())];

    private void Check(JsonObject quota, Kind kind, JsonObject obj, JsonObject? old, string ns)
    {
        if (!Counts(quota, kind, obj, old)) return;
        var concerned = (quota.Object("spec", "hard") ?? []).Where(hard => QuotaUsage.Concerns(kind, hard.Key)).ToList();
        var name = quota.Text("metadata", "name");
        var unsaid = concerned.Select(hard => hard.Key).Where(resource => IsUnsaid(obj, resource)).Order(StringComparer.Ordinal).ToList();
        if (unsaid.Count > 0) throw Refuse(kind, obj, $"failed quota: {name}: must specify {string.Join(',', unsaid)} for: {string.Join(',', obj.Items("spec", "containers").Select(pair => pair.Item.Text("name")))}");
        var over = new List<(string Resource, decimal Asked, decimal Used, string Hard)>();
        foreach (var (resource, hard) in concerned)
        {
            var asked = QuotaUsage.Of(kind, obj, resource) - (old is null ? 0 : QuotaUsage.Of(kind, old, resource));
            var used = Used(quota, resource, ns);
            if (asked > 0 && used + asked > Quantity.Value(hard.Text()!)) over.Add((resource, asked, used, hard.Text()!));
        }
        if (over.Count == 0) return;
        string Join(Func<(string Resource, decimal Asked, decimal Used, string Hard), string> show) => string.Join(',', over.OrderBy(one => one.Resource, StringComparer.Ordinal).Select(one => $"{one.Resource}={show(one)}"));
        throw Refuse(kind, obj, $"exceeded quota: {name}, requested: {Join(one => Show(one.Asked, one.Resource))}, used: {Join(one => Show(one.Used, one.Resource))}, limited: {Join(one => one.Hard)}");
    }

    private static ApiError Refuse(Kind kind, JsonObject obj, string why) => ApiError.Forbidden(kind.QualifiedPlural, obj.Text("metadata", "name")!, why);

    /// <summary>Whether a quota on processor or memory needs a word from a container that says nothing.</summary>
    private static bool IsUnsaid(JsonObject pod, string resource)
    {
        var (field, name) = resource.Split('.', 2) switch
        {
            ["limits", var of] => ("limits", of),
            ["requests", var of] => ("requests", of),
            ["cpu" or "memory"] => ("requests", resource),
            _ => ("", ""),
        };
        return name is "cpu" or "memory" && pod.Items("spec", "containers").Any(pair => pair.Item.At("resources", field, name) is null);
    }

    private decimal Used(JsonObject quota, string resource, string ns)
    {
        decimal sum = 0;
        foreach (var kind in kinds.All.Where(kind => kind.IsStored && kind.Namespaced && QuotaUsage.Concerns(kind, resource)))
        {
            var stored = cache[kind].Objects.Values.Where(obj => obj.Namespace == ns).Select(obj => obj.ToTree());
            sum += stored.Where(obj => QuotaUsage.IsInScope(quota, kind, obj)).Sum(obj => QuotaUsage.Of(kind, obj, resource));
        }
        return sum;
    }

    private async Task WriteAsync(Registry registry, JsonObject quota, ILogger log, CancellationToken cancel)
    {
        var (ns, name) = (quota.Text("metadata", "namespace")!, quota.Text("metadata", "name")!);
        var hard = quota.Object("spec", "hard") ?? [];
        var used = new JsonObject(hard.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)Show(Used(quota, entry.Key, ns), entry.Key))));
        var status = new JsonObject { ["hard"] = hard.DeepClone(), ["used"] = used };
        if (JsonNode.DeepEquals(quota["status"], status)) return;
        try
        {
            await registry.UpdateAsync(
                _quotas, ns, name, UpdateScope.Status,
                current =>
                {
                    current["status"] = status.DeepClone();
                    return current;
                },
                null, new WriteOptions(false, new FieldManager("resourcequota", FieldManager.Update, "status")), cancel);
        }
        catch (Exception e) when (e is ApiError or StoreException)
        {
            // The next change in the namespace writes it anew.
            QuotaLog.NotWritten(log, ns, name, e.Message);
        }
    }

    /// <summary>Whole numbers as they are; parts of a core in thousandths, bytes in the largest unit that holds them exactly.</summary>
    private static string Show(decimal amount, string resource)
    {
        if (amount != decimal.Truncate(amount)) return $"{decimal.Ceiling(amount * 1000).ToString("F0", CultureInfo.InvariantCulture)}m";
        if (resource.EndsWith("memory", StringComparison.Ordinal) || resource.EndsWith("storage", StringComparison.Ordinal))
        {
            foreach (var (suffix, size) in (ReadOnlySpan<(string, decimal)>)[("Gi", 1L << 30), ("Mi", 1L << 20), ("Ki", 1L << 10)])
            {
                if (amount >= size && amount % size == 0) return $"{(amount / size).ToString("F0", CultureInfo.InvariantCulture)}{suffix}";
            }
        }
        return amount.ToString("F0", CultureInfo.InvariantCulture);
    }
}

/// <summary>The right to write what a quota counts, until it is disposed of.</summary>
/// <param name="Turn">What the store is to hold the write to, where others write to it too.</param>
internal sealed record QuotaTurn(SemaphoreSlim Gate, Turn Turn) : IDisposable
{
    public void Dispose() => Gate.Release();
}

internal static partial class QuotaLog
{
    [LoggerMessage(5021, LogLevel.Warning, "resourcequota {Namespace}/{Name}: its status was not written: {Message}")]
    public static partial void NotWritten(ILogger log, string @namespace, string name, string message);
}
