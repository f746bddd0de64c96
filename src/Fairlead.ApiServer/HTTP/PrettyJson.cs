using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// JSON for people to read: for whom asks by <c>pretty</c>, and for programs in whose hands it is seen, by name as kube-apiserver has
/// them (Kubernetes API reference: "Common Parameters", pretty).
/// </summary>
internal static class PrettyJson
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, IndentSize = 2, SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static bool IsWanted(HttpContext context)
    {
        if (context.Request.Query.TryGetValue("pretty", out var asked)) return asked.ToString() is not ("false" or "0" or "f" or "F" or "False" or "FALSE");
        if (context.Request.Headers.UserAgent is not [{ } agent, ..]) return false;
        return agent.StartsWith("curl", StringComparison.Ordinal) || agent.StartsWith("Wget", StringComparison.Ordinal) || agent.StartsWith("Mozilla/5.0", StringComparison.Ordinal);
    }

    public static ReadOnlyMemory<byte> Write(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        var buffer = new ArrayBufferWriter<byte>(json.Length * 2);
        using (var writer = new Utf8JsonWriter(buffer, Options)) document.WriteTo(writer);
        return buffer.WrittenMemory;
    }
}
