using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Patch;
using Fairlead.ApiServer.Patch.Apply;
using Fairlead.ApiServer.Printing;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Protobuf;

namespace Fairlead.Unit.ApiServer.Fuzz;

/// <summary>
/// The fuzz target of bodies: any bytes, as an object of each kind in JSON, YAML and protobuf, and as each sort of patch. They are refused
/// as what they are or taken; what is taken goes through defaults, validation, the store's form and a table, and is the same when it is read again.
/// </summary>
internal sealed class BodyTarget
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddYears(56);
    private readonly KindTable _kinds = new(new ServiceAllocator([new AddressRange(IPNetwork.Parse("10.96.0.0/16"))], 30000, 32767));
    private readonly Dictionary<string, Kind> _byName;

    internal BodyTarget()
    {
        Stored = [.. _kinds.All.Where(kind => kind.IsStored)];
        _byName = Stored.ToDictionary(kind => kind.Name);
    }

    internal IReadOnlyList<Kind> Stored { get; }

    internal void Run(byte[] body)
    {
        var tree = Parse(body);
        var kind = tree is JsonObject obj && obj.Text("kind") is { } name && _byName.TryGetValue(name, out var named) ? named : Stored[body.Length % Stored.Count];
        AsObject(body, kind);
        AsYaml(body, kind);
        AsProtobuf(body, kind);
        if (tree is not null) AsPatch(tree, kind);
    }

    private static JsonNode? Parse(byte[] body)
    {
        try
        {
            return RequestBody.ParseJson(body);
        }
        catch (ApiError)
        {
            return null;
        }
    }

    private static void AsObject(ReadOnlySpan<byte> body, Kind kind)
    {
        JsonObject decoded;
        try
        {
            decoded = new ObjectDecoder().Decode(body, kind.Schema);
        }
        catch (DecodeException)
        {
            return;
        }
        var again = new ObjectDecoder();
        Hold(JsonNode.DeepEquals(again.Decode(Encoding.UTF8.GetBytes(decoded.ToText()), kind.Schema), decoded) && again.Complaints.Count == 0, "it is another when it is read again");
        Write(decoded, kind);
    }

    /// <summary>As the registry does with a new object, up to the store.</summary>
    private static void Write(JsonObject obj, Kind kind)
    {
        (obj["apiVersion"], obj["kind"]) = (kind.ApiVersion, kind.Name);
        var metadata = obj.Child("metadata");
        metadata["name"] = "a";
        if (kind.Namespaced) metadata["namespace"] = "default";
        else metadata.Remove("namespace");
        var old = (JsonObject)obj.DeepClone();
        kind.Strategy.PrepareForCreate(obj);
        kind.Strategy.Default(obj);
        var errors = new FieldErrors();
        MetadataRules.Validate(kind, obj, errors);
        kind.Strategy.Validate(obj, errors);
        if (errors.Any)
        {
            Hold(ApiError.Invalid(kind, "a", errors).ToStatus().ToText().Length > 0, "a refusal cannot be said");
            return;
        }
        var stored = StoredObject.Read(kind, kind.Key("default", "a"), StoredObject.Write(obj), 5);
        Hold(stored.Name == "a", "the name is another");
        using var document = JsonDocument.Parse(stored.Json);
        TablePrinter.For(kind.Group, kind.Plural).Cells(document.RootElement, Now);
        var changed = stored.ToTree();
        kind.Strategy.PrepareForUpdate(changed, old);
        kind.Strategy.Default(changed);
        kind.Strategy.ValidateUpdate(changed, stored.ToTree(), new FieldErrors());
        ServerSideApply.Track(changed, stored.ToTree(), new FieldManager("fuzz", FieldManager.Update, ""), kind, Timestamp.Format(Now));
        Envelope.Decode(Envelope.Encode(stored.ToTree(), kind.Schema), kind.Schema);
    }

    private static void AsYaml(byte[] body, Kind kind)
    {
        try
        {
            if (YamlBody.Read(body) is JsonObject obj) AsObject(Encoding.UTF8.GetBytes(obj.ToText()), kind);
        }
        catch (ApiError e)
        {
            Hold(e.Code is 400 or 413, "YAML is refused with another code");
        }
    }

    private static void AsProtobuf(byte[] body, Kind kind)
    {
        try
        {
            byte[] envelope = body.AsSpan().StartsWith("k8s\0"u8) ? body : [.. "k8s\0"u8, .. body];
            Envelope.Decode(envelope, kind.Schema).ToText();
        }
        catch (WireException)
        {
            // Refused.
        }
    }

    private static void AsPatch(JsonNode patch, Kind kind)
    {
        if (patch is JsonArray operations) Guarded(() => JsonPatch.Apply(Sample(kind), operations), kind);
        if (patch is not JsonObject changes) return;
        Guarded(() => (JsonObject)MergePatch.Apply(Sample(kind), changes)!, kind);
        Guarded(() => StrategicMergePatch.Apply(Sample(kind), changes, kind.Schema), kind);
        try
        {
            var config = new ObjectDecoder().Decode(Encoding.UTF8.GetBytes(changes.ToText()), kind.Schema);
            config.Child("metadata")["name"] = "a";
            ServerSideApply.Apply(Sample(kind), config, new FieldManager("fuzz", FieldManager.Apply, ""), force: true, kind, Timestamp.Format(Now));
        }
        catch (Exception e) when (e is DecodeException or ApiError)
        {
            // Refused.
        }
    }

    private static void Guarded(Func<JsonObject> apply, Kind kind)
    {
        try
        {
            new ObjectDecoder().Decode(Encoding.UTF8.GetBytes(apply().ToText()), kind.Schema);
        }
        catch (Exception e) when (e is PatchException or DecodeException)
        {
            // Refused.
        }
    }

    private static JsonObject Sample(Kind kind) => (JsonObject)JsonNode.Parse($$$"""
        {"apiVersion":"{{{kind.ApiVersion}}}","kind":"{{{kind.Name}}}","metadata":{"name":"a","labels":{"a":"b"},"finalizers":["x/y"],
         "managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:a":{} } } } }]},
         "spec":{"ports":[{"port":80,"protocol":"TCP"}],"containers":[{"name":"c","image":"i","env":[{"name":"A","value":"b"}]}]},"data":{"a":"b"} }
        """)!;

    private static void Hold(bool holds, string what)
    {
        if (!holds) throw new InvalidDataException(what);
    }
}
