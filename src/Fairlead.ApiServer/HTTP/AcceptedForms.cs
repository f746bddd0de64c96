using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// Which forms of an answer a client takes (RFC 9110 section 12.5.1; Kubernetes API concepts: "Resource representations", "Receiving
/// resources as Tables"): a media type of this server's, as the object, as its metadata or as a Table, of which there are two versions.
/// </summary>
internal static class AcceptedForms
{
    private const string Usual = "meta.k8s.io/v1";
    private const string Old = "meta.k8s.io/v1beta1";

    /// <exception cref="ApiError">406: nothing that the client takes is served here.</exception>
    public static void Check(HttpContext context)
    {
        var accept = context.Request.Headers.Accept;
        if (accept.Count == 0) return;
        foreach (var line in accept)
        {
            if (string.IsNullOrWhiteSpace(line)) return;
            foreach (var clause in line.Split(','))
            {
                if (IsServed(clause)) return;
            }
        }
        throw ApiError.NotAcceptable();
    }

    /// <summary>The version of Tables and of metadata alone that a client asks for, if it asks for one.</summary>
    public static string VersionOf(HttpContext context)
    {
        var accept = context.Request.Headers.Accept.ToString();
        if (!accept.Contains("as=", StringComparison.Ordinal)) return Usual;
        foreach (var clause in accept.Split(','))
        {
            if (clause.Contains("as=", StringComparison.Ordinal) && IsServed(clause)) return clause.Contains("v=v1beta1", StringComparison.Ordinal) ? Old : Usual;
        }
        return Usual;
    }

    private static bool IsServed(string clause)
    {
        var parts = clause.Split(';', StringSplitOptions.TrimEntries);
        if (parts[0].ToLowerInvariant() is not ("application/json" or "*/*" or "application/*" or YamlBody.MediaType or Envelope.MediaType)) return false;
        string? form = null, version = null, group = null;
        foreach (var parameter in parts.AsSpan(1))
        {
            if (parameter.StartsWith("as=", StringComparison.Ordinal)) form = parameter[3..];
            else if (parameter.StartsWith("v=", StringComparison.Ordinal)) version = parameter[2..];
            else if (parameter.StartsWith("g=", StringComparison.Ordinal)) group = parameter[2..];
        }
        return form is null || (form is "Table" or "PartialObjectMetadata" or "PartialObjectMetadataList" && version is "v1" or "v1beta1" && group == "meta.k8s.io");
    }
}
