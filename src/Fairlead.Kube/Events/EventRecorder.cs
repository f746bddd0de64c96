using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Fairlead.Kube.Client;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Kube.Events;

/// <summary>
/// Writes Events about objects, in the background and in order. The same event again raises the count of the one that
/// is there, as client-go's recorder does, so that a failing loop leaves one line in <c>kubectl describe</c>.
/// </summary>
/// <param name="component">Who speaks: <c>default-scheduler</c>, <c>kubelet</c>, …</param>
/// <param name="host">Node of the speaker, or null.</param>
public sealed class EventRecorder(KubeClient client, string component, string? host, ILogger log, TimeProvider time)
{
    private const int Remembered = 4096;
    private readonly Channel<Entry> _queue = Channel.CreateBounded<Entry>(
        new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private long _lastTicks;
    private readonly Dictionary<Subject, (ObjectKey Key, int Count)> _written = [];

    /// <summary>Something that is as it should be (type Normal).</summary>
    public void Normal(V1ObjectReference about, string reason, string message) => Add(about, "Normal", reason, message);

    /// <summary>Something that a user should look at (type Warning).</summary>
    public void Warning(V1ObjectReference about, string reason, string message) => Add(about, "Warning", reason, message);

    /// <summary>A reference to an object as Events carry it.</summary>
    public static V1ObjectReference About<T>(ApiResource<T> resource, V1ObjectMeta meta, string? fieldPath = null)
        where T : class, IKubernetesObject<V1ObjectMeta> => new()
        {
            ApiVersion = resource.ApiVersion,
            Kind = resource.Kind,
            NamespaceProperty = meta.NamespaceProperty,
            Name = meta.Name,
            Uid = meta.Uid,
            ResourceVersion = meta.ResourceVersion,
            FieldPath = fieldPath,
        };

    /// <summary>Writes what was recorded, until cancelled; an event that the server refuses is logged and dropped.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            await foreach (var entry in _queue.Reader.ReadAllAsync(cancel)) await WriteAsync(entry, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    private void Add(V1ObjectReference about, string type, string reason, string message) =>
        _queue.Writer.TryWrite(new Entry(about, new Subject(about.Uid ?? about.Name, about.FieldPath, type, reason, message), NextTime()));

    // The time is part of an event's name, so no two of a recorder may share it.
    private DateTimeOffset NextTime()
    {
        while (true)
        {
            var last = Interlocked.Read(ref _lastTicks);
            var ticks = Math.Max(time.GetUtcNow().UtcTicks, last + 1);
            if (Interlocked.CompareExchange(ref _lastTicks, ticks, last) == last) return new DateTimeOffset(ticks, TimeSpan.Zero);
        }
    }

    private async Task WriteAsync(Entry entry, CancellationToken cancel)
    {
        try
        {
            if (_written.TryGetValue(entry.Subject, out var written) && await CountAsync(entry, written, cancel)) return;
            if (_written.Count >= Remembered) _written.Clear();
            var created = await client.CreateAsync(ApiResources.Events, NewEvent(entry), cancel);
            _written[entry.Subject] = (ObjectKey.Of(created), 1);
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException or IOException)
        {
            EventLog.Dropped(log, entry.Subject.Reason, entry.About.Name, e.Message);
        }
    }

    private async Task<bool> CountAsync(Entry entry, (ObjectKey Key, int Count) written, CancellationToken cancel)
    {
        var patch = new JsonObject
        {
            ["count"] = written.Count + 1,
            ["lastTimestamp"] = entry.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        };
        try
        {
            await client.PatchAsync(ApiResources.Events, written.Key, Patch.Merge(patch), null, cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            return false;
        }
        _written[entry.Subject] = (written.Key, written.Count + 1);
        return true;
    }

    private Corev1Event NewEvent(Entry entry) => new()
    {
        Metadata = new V1ObjectMeta
        {
            // The name client-go gives: the object's and the time in hexadecimal nanoseconds.
            Name = $"{entry.About.Name}.{(entry.At - DateTimeOffset.UnixEpoch).Ticks * 100:x16}",
            NamespaceProperty = entry.About.NamespaceProperty ?? "default",
        },
        InvolvedObject = entry.About,
        Type = entry.Subject.Type,
        Reason = entry.Subject.Reason,
        Message = entry.Subject.Message,
        Source = new V1EventSource { Component = component, Host = host },
        ReportingComponent = component,
        ReportingInstance = host ?? "",
        FirstTimestamp = entry.At.UtcDateTime,
        LastTimestamp = entry.At.UtcDateTime,
        Count = 1,
    };

    private sealed record Subject(string Object, string? FieldPath, string Type, string Reason, string Message);

    private sealed record Entry(V1ObjectReference About, Subject Subject, DateTimeOffset At);
}

internal static partial class EventLog
{
    [LoggerMessage(6201, LogLevel.Warning, "event {Reason} about {Name} was not written: {Message}")]
    public static partial void Dropped(ILogger log, string reason, string name, string message);
}
