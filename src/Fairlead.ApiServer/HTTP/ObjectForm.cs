using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// The form in which a client gets objects: as they are stored, in another version of their kind, or their metadata alone
/// (Kubernetes API concepts: "Metadata-only fetches").
/// </summary>
internal sealed class ObjectForm
{
    private readonly Kind _kind;
    private readonly bool _metadataOnly;

    private ObjectForm(Kind kind, bool metadataOnly, string metadataVersion)
    {
        _kind = kind;
        _metadataOnly = metadataOnly;
        MetadataVersion = metadataVersion;
    }

    /// <summary>Of an object's metadata alone.</summary>
    public string MetadataVersion { get; }

    public string ApiVersion => _metadataOnly ? MetadataVersion : _kind.ApiVersion;

    public string KindName => _metadataOnly ? "PartialObjectMetadata" : _kind.Name;

    public static ObjectForm Of(HttpContext context, Kind kind) =>
        new(kind, context.Request.Headers.Accept.ToString().Contains("as=PartialObjectMetadata", StringComparison.Ordinal), AcceptedForms.VersionOf(context));

    public StoredObject Show(StoredObject obj)
    {
        if (_metadataOnly)
        {
            return StoredObject.Shown(obj, new JsonObject
            {
                ["kind"] = KindName,
                ["apiVersion"] = ApiVersion,
                ["metadata"] = obj.ToTree().Object("metadata")!.DeepClone(),
            });
        }
        return _kind.Conversion is { } conversion ? conversion.FromStored(obj, _kind) : obj;
    }
}
