using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace Fairlead.Ingress.Metrics;

public enum AccessLogFormat
{
    /// <summary>As ingress-nginx writes by default: nginx' combined, and what came of the upstream.</summary>
    Combined,

    /// <summary>One JSON object a line.</summary>
    Json,
}

/// <summary>Writes requests in the background, so that none waits for a disk; where the writer cannot follow, lines are dropped and counted.</summary>
internal sealed class AccessLog(Stream output, AccessLogFormat format)
{
    private const int MostWaiting = 8192;
    private readonly Channel<AccessEntry> _queue = Channel.CreateBounded<AccessEntry>(new BoundedChannelOptions(MostWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private long _dropped;

    internal long Dropped => Interlocked.Read(ref _dropped);

    internal void Write(in AccessEntry entry)
    {
        if (!_queue.Writer.TryWrite(entry)) Interlocked.Increment(ref _dropped);
    }

    /// <summary>Writes until cancelled, and then what is still waiting.</summary>
    internal async Task RunAsync(CancellationToken cancel)
    {
        using var stopping = cancel.Register(() => _queue.Writer.TryComplete());
        var buffer = new MemoryStream();
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            buffer.SetLength(0);
            while (buffer.Length < 1 << 16 && _queue.Reader.TryRead(out var entry))
            {
                if (format == AccessLogFormat.Json) WriteJson(buffer, entry);
                else buffer.Write(Encoding.UTF8.GetBytes(Combined(entry)));
                buffer.WriteByte((byte)'\n');
            }
            await output.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), CancellationToken.None);
            await output.FlushAsync(CancellationToken.None);
        }
    }

    internal static string Combined(in AccessEntry e) => string.Create(CultureInfo.InvariantCulture,
        $"{e.Client} - {Or(e.User)} [{e.At:dd/MMM/yyyy:HH:mm:ss} {e.At.Offset.Hours:+00;-00}{e.At.Offset.Minutes:00}] \"{Escape(e.Method)} {Escape(e.Target)} {e.Protocol}\" {e.Status} {e.BytesOut} \"{Or(Escape(e.Referer))}\" \"{Or(Escape(e.UserAgent))}\" {e.BytesIn} {e.Took.TotalSeconds:F3} [{e.Backend}] [] {e.Upstream ?? "-"} {(e.Upstream is null ? "-" : e.BytesOut)} {(e.Upstream is null ? "-" : e.UpstreamTook.TotalSeconds.ToString("F3", CultureInfo.InvariantCulture))} {(e.Upstream is null ? "-" : e.Status)} {e.Id}");

    private static void WriteJson(Stream stream, in AccessEntry e)
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteString("time", e.At);
        json.WriteString("remote_addr", e.Client);
        json.WriteString("remote_user", e.User);
        json.WriteString("method", e.Method);
        json.WriteString("host", e.Host);
        json.WriteString("uri", e.Target);
        json.WriteString("protocol", e.Protocol);
        json.WriteNumber("status", e.Status);
        json.WriteNumber("bytes_sent", e.BytesOut);
        json.WriteNumber("request_length", e.BytesIn);
        json.WriteNumber("request_time", Math.Round(e.Took.TotalSeconds, 6));
        json.WriteString("http_referrer", e.Referer);
        json.WriteString("http_user_agent", e.UserAgent);
        json.WriteString("namespace", e.Namespace);
        json.WriteString("ingress", e.Ingress);
        json.WriteString("service", e.Service);
        json.WriteString("upstream_addr", e.Upstream ?? "");
        json.WriteNumber("upstream_response_time", Math.Round(e.UpstreamTook.TotalSeconds, 6));
        json.WriteString("request_id", e.Id);
        json.WriteEndObject();
    }

    private static string Or(string text) => text.Length == 0 ? "-" : text;

    /// <summary>As nginx: what could end a field or a line is written as \xNN.</summary>
    private static string Escape(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1f') && !text.AsSpan().ContainsAny("\"\\\x7f")) return text;
        var escaped = new StringBuilder();
        foreach (var c in text)
        {
            if (c is < ' ' or '"' or '\\' or '\x7f') escaped.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:X2}");
            else escaped.Append(c);
        }
        return escaped.ToString();
    }
}
