using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.Kube;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.ApiServer.Security.Audit;

/// <summary>What is known of one request that is written down: a feature of its context, to which its way through the server adds.</summary>
internal sealed class AuditTrail(HttpContext context, ApiRequest request, User? user, AuditDecision decision, DateTimeOffset received)
{
    private const int LongestAnswer = 16 * 1024 * 1024;
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _id = context.Response.Headers["Audit-Id"].ToString();
    private User? _impersonated;
    private bool? _allowed;
    private JsonNode? _asked;
    private ApiError? _refused;
    private KeptAnswer? _answer;

    public AuditDecision Decision => decision;

    public static AuditTrail? Of(HttpContext context) => context.Features.Get<AuditTrail>();

    public void Impersonates(User other) => _impersonated = other;

    public void Decided(bool allowed) => _allowed = allowed;

    public void Refused(ApiError error) => _refused = error;

    /// <summary>The body as JSON: an object, or a patch of one.</summary>
    public void Asked(ReadOnlySpan<byte> json)
    {
        if (!json.IsEmpty) _asked = TryParse(json);
    }

    /// <summary>Keeps what is answered from here on. It is kept plain, so it is sent plain, too.</summary>
    public void ListenToTheAnswer()
    {
        context.Request.Headers.Remove("Accept-Encoding");
        var body = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _answer = new KeptAnswer(LongestAnswer);
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(new ListeningStream(body.Stream, _answer), body));
    }

    /// <summary>The event as one line of JSON.</summary>
    public byte[] Event(AuditStage stage, DateTimeOffset now)
    {
        var line = new JsonObject
        {
            ["kind"] = "Event",
            ["apiVersion"] = "audit.k8s.io/v1",
            ["level"] = decision.Level.ToString(),
            ["auditID"] = _id,
            ["stage"] = stage.ToString(),
            ["requestURI"] = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "",
            ["verb"] = request.Verb,
            ["user"] = Describe(user),
        };
        if (_impersonated is not null) line["impersonatedUser"] = Describe(_impersonated);
        line["sourceIPs"] = Sources().ToJsonArray();
        if (context.Request.Headers.UserAgent.ToString() is { Length: > 0 } agent) line["userAgent"] = agent;
        if (ObjectReference() is { } reference) line["objectRef"] = reference;
        if (stage != AuditStage.RequestReceived) AddAnswer(line, stage);
        line["requestReceivedTimestamp"] = Timestamps.Micro(received);
        line["stageTimestamp"] = Timestamps.Micro(now);
        if (_allowed is { } allowed)
            line["annotations"] = new JsonObject { ["authorization.k8s.io/decision"] = allowed ? "allow" : "forbid", ["authorization.k8s.io/reason"] = "" };
        return Write(line);
    }

    private void AddAnswer(JsonObject line, AuditStage stage)
    {
        var status = new JsonObject { ["metadata"] = new JsonObject() };
        if (_refused is not null)
        {
            (status["status"], status["message"], status["reason"]) = ("Failure", _refused.Message, _refused.Reason);
            if (_refused.Details is not null) status["details"] = _refused.Details.DeepClone();
        }
        status["code"] = _refused?.Code ?? context.Response.StatusCode;
        line["responseStatus"] = status;
        if (decision.Level >= AuditLevel.Request && _asked is not null) line["requestObject"] = Shown(_asked.DeepClone());
        if (stage == AuditStage.ResponseComplete && _answer is { Bytes.Length: > 0 } && TryParse(_answer.Bytes) is { } answered) line["responseObject"] = Shown(answered);
    }

    private JsonNode Shown(JsonNode body)
    {
        if (!decision.OmitManagedFields) return body;
        body.Object("metadata")?.Remove("managedFields");
        foreach (var (_, item) in body.Items("items")) item.Object("metadata")?.Remove("managedFields");
        return body;
    }

    /// <summary>Kubernetes takes from the body what a path cannot know: the name of what is created.</summary>
    private JsonObject? ObjectReference()
    {
        if (request.Kind is not { } kind) return null;
        var reference = new JsonObject { ["resource"] = kind.Plural };
        Add("namespace", request.Namespace);
        Add("name", request.Name.Length > 0 ? request.Name : _asked.Text("metadata", "name"));
        Add("uid", _asked.Text("metadata", "uid"));
        Add("apiGroup", kind.Group);
        Add("apiVersion", kind.Version);
        Add("resourceVersion", _asked.Text("metadata", "resourceVersion"));
        Add("subresource", request.Subresource);
        return reference;

        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value)) reference[name] = value;
        }
    }

    private IEnumerable<string> Sources()
    {
        var headers = context.Request.Headers;
        var passed = headers["X-Forwarded-For"].SelectMany(value => (value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        var from = context.Connection.RemoteIpAddress;
        return passed.Append(headers["X-Real-Ip"].ToString()).Append(from is { IsIPv4MappedToIPv6: true } ? from.MapToIPv4().ToString() : from?.ToString() ?? "")
            .Where(text => System.Net.IPAddress.TryParse(text, out _)).Distinct();
    }

    private static JsonObject Describe(User? who)
    {
        var described = new JsonObject();
        if (who is null) return described;
        described["username"] = who.Name;
        if (who.Uid.Length > 0) described["uid"] = who.Uid;
        described["groups"] = who.Groups.ToJsonArray();
        if (who.Extra.Count > 0) described["extra"] = new JsonObject(who.Extra.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value.ToJsonArray())));
        return described;
    }

    private static JsonNode? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonTree.Parse(json);
        }
        catch (JsonException)
        {
            // Protobuf and YAML, and what is refused for what it is.
            return null;
        }
    }

    private static byte[] Write(JsonObject line)
    {
        using var buffer = new MemoryStream(1024);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed)) line.WriteTo(writer);
        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }
}
