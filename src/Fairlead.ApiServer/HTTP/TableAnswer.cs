using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Printing;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Answers as a Table, which is what kubectl prints (Kubernetes API concepts: "Receiving resources as Tables").</summary>
internal static class TableAnswer
{
    private const int FlushAbove = 256 * 1024;
    private static readonly JsonWriterOptions Options = new() { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task WriteAsync(HttpContext context, Kind kind, IReadOnlyList<StoredObject> objects, JsonObject head, DateTimeOffset now)
    {
        context.Response.ContentType = Answers.Json;
        var layout = TablePrinter.For(kind.Stored.Group, kind.Plural);
        var include = IncludeOf(context);
        var form = ObjectForm.Of(context, kind);
        var writer = Compression.BodyOf(context, objects.Sum(obj => (long)obj.Json.Length));
        await using var json = new Utf8JsonWriter(writer, Options);
        WriteHead(json, layout, AcceptedForms.VersionOf(context), head, withColumns: true);
        foreach (var obj in objects)
        {
            WriteRow(json, layout, obj, form, include, now);
            if (json.BytesPending + writer.UnflushedBytes < FlushAbove) continue;
            json.Flush();
            await writer.FlushAsync(context.RequestAborted);
        }
        WriteEnd(json);
        json.Flush();
        await writer.FlushAsync(context.RequestAborted);
        await writer.CompleteAsync();
    }

    /// <summary>A table of one row, as a watch sends it; only the first one of a watch needs the columns.</summary>
    public static ReadOnlySpan<byte> Single(HttpContext context, Kind kind, StoredObject obj, bool withColumns, DateTimeOffset now)
    {
        var layout = TablePrinter.For(kind.Stored.Group, kind.Plural);
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            WriteHead(json, layout, AcceptedForms.VersionOf(context), new JsonObject { ["resourceVersion"] = obj.Revision.ToString(CultureInfo.InvariantCulture) }, withColumns);
            WriteRow(json, layout, obj, ObjectForm.Of(context, kind), IncludeOf(context), now);
            WriteEnd(json);
        }
        return buffer.WrittenSpan;
    }

    private static void WriteHead(Utf8JsonWriter json, TableLayout layout, string version, JsonObject head, bool withColumns)
    {
        json.WriteStartObject();
        json.WriteString("kind"u8, "Table"u8);
        json.WriteString("apiVersion"u8, version);
        json.WritePropertyName("metadata"u8);
        head.WriteTo(json);
        json.WriteStartArray("columnDefinitions"u8);
        if (withColumns)
        {
            foreach (var column in layout.Columns) column.Write(json);
        }
        json.WriteEndArray();
        json.WriteStartArray("rows"u8);
    }

    private static void WriteEnd(Utf8JsonWriter json)
    {
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRow(Utf8JsonWriter json, TableLayout layout, StoredObject obj, ObjectForm form, string include, DateTimeOffset now)
    {
        using var document = JsonDocument.Parse(obj.Json);
        json.WriteStartObject();
        json.WriteStartArray("cells"u8);
        foreach (var cell in layout.Cells(document.RootElement, now)) cell.Write(json);
        json.WriteEndArray();
        if (include == "Object")
        {
            json.WritePropertyName("object"u8);
            json.WriteRawValue(form.Show(obj).Json, skipInputValidation: true);
        }
        else if (include != "None")
        {
            json.WriteStartObject("object"u8);
            json.WriteString("kind"u8, "PartialObjectMetadata"u8);
            json.WriteString("apiVersion"u8, form.MetadataVersion);
            json.WritePropertyName("metadata"u8);
            document.RootElement.GetProperty("metadata"u8).WriteTo(json);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static string IncludeOf(HttpContext context) => context.Request.Query.First("includeObject") switch
    {
        "" or "Metadata" => "Metadata",
        "None" => "None",
        "Object" => "Object",
        var other => throw ApiError.BadRequest($"Invalid value: \"{other}\": includeObject: supported values: \"Metadata\", \"None\", \"Object\""),
    };
}
