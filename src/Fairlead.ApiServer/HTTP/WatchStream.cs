using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>One watch's answer: a JSON document a line, or protobuf events with their lengths before them.</summary>
internal sealed class WatchStream
{
    /// <summary>For a client to take what is on its way: less than 100 KiB.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly HttpContext _context;
    private readonly Kind _kind;
    private readonly bool _asTable;
    private readonly bool _asProtobuf;
    private readonly TimeProvider _time;
    private readonly ObjectForm _form;
    private readonly PipeWriter _writer;
    private bool _first = true;

    public WatchStream(HttpContext context, Kind kind, bool asTable, TimeProvider time)
    {
        _context = context;
        _kind = kind;
        _asTable = asTable;
        _asProtobuf = ProtobufAnswer.IsWanted(context);
        _time = time;
        _form = ObjectForm.Of(context, kind);
        context.Response.ContentType = _asProtobuf ? Envelope.MediaType + ";stream=watch" : Answers.Json;
        _writer = context.Response.BodyWriter;
    }

    public async ValueTask WriteAsync(string type, StoredObject obj)
    {
        if (_asProtobuf) WriteMessage(type, _form.Show(obj).ToTree());
        else
        {
            _writer.Write(Encoding.ASCII.GetBytes($"{{\"type\":\"{type}\",\"object\":"));
            if (_asTable) _writer.Write(TableAnswer.Single(_context, _kind, obj, _first, _time.GetUtcNow()));
            else _writer.Write(_form.Show(obj).Json);
            _writer.Write("}\n"u8);
        }
        _first = false;
        if (_writer.UnflushedBytes > 64 * 1024) await FlushAsync();
    }

    /// <summary>Says up to which revision the client has seen everything.</summary>
    /// <param name="endsInitialEvents">The present objects have all been sent ("Streaming lists").</param>
    public void WriteBookmark(long revision, bool endsInitialEvents)
    {
        var metadata = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture) };
        if (endsInitialEvents) metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        var bookmark = new JsonObject
        {
            ["kind"] = _asTable ? "Table" : _form.KindName,
            ["apiVersion"] = _asTable ? _form.MetadataVersion : _form.ApiVersion,
            ["metadata"] = metadata,
        };
        if (_asTable) (bookmark["columnDefinitions"], bookmark["rows"]) = (null, new JsonArray());
        Write("BOOKMARK", bookmark);
    }

    public async Task WriteErrorAsync(ApiError error)
    {
        Write("ERROR", error.ToStatus());
        await FlushAsync();
    }

    /// <summary>Waits for a client that is behind, but not for ever.</summary>
    /// <exception cref="SlowClientException">It has taken nothing for too long.</exception>
    public ValueTask FlushAsync()
    {
        var flush = _writer.FlushAsync(_context.RequestAborted);
        if (!flush.IsCompletedSuccessfully) return new ValueTask(WaitAsync(flush));
        _ = flush.Result;
        return default;
    }

    private async Task WaitAsync(ValueTask<FlushResult> flush)
    {
        try
        {
            await flush.AsTask().WaitAsync(Patience, _time);
        }
        catch (TimeoutException)
        {
            throw new SlowClientException();
        }
    }

    private void Write(string type, JsonObject obj)
    {
        if (_asProtobuf) WriteMessage(type, obj);
        else _writer.Write(Encoding.UTF8.GetBytes($"{{\"type\":\"{type}\",\"object\":{obj.ToText()}}}\n"));
    }

    private void WriteMessage(string type, JsonObject obj) => _writer.Write(Envelope.EncodeWatchEvent(type, ProtobufAnswer.Encode(obj)));
}

/// <summary>A watch's client does not read.</summary>
internal sealed class SlowClientException() : Exception("the client does not take what is sent");
