using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>
/// Requests and the answers that Kubernetes documents for them, by code, reason and message (Kubernetes API conventions, "Response Status
/// Kind"; API concepts; the field errors of its validation). There is ConfigMap a, Service s, Secret i (immutable), Deployment d, Lease l and a binding r.
/// </summary>
public sealed class DocumentedAnswerTests : IAsyncLifetime
{
    private const string Secrets = "/api/v1/namespaces/default/secrets";
    private const string Services = "/api/v1/namespaces/default/services";
    private const string Deployments = "/apis/apps/v1/namespaces/default/deployments";
    private const string Bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    private const string Leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    private const string Quotas = "/api/v1/namespaces/default/resourcequotas";
    private const string Limits = "/api/v1/namespaces/default/limitranges";
    private const string Events = "/apis/events.k8s.io/v1/namespaces/default/events";
    private const string Merge = "application/merge-patch+json";
    private const string Patch = "application/json-patch+json";
    private TestApiServer _server = null!;
    private Api _api = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestApiServer.StartAsync();
        _api = new Api(_server.Client);
        await _api.ConfigMapAsync("a");
        await _api.DoAsync("POST", Secrets, """{"metadata":{"name":"i"},"immutable":true}""");
        await _api.DoAsync("POST", Services, """{"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]} }""");
        await _api.DoAsync("POST", Deployments, Deployment("d", "b"));
        await _api.DoAsync("POST", Leases, Named("l"));
        await _api.DoAsync("POST", Bindings, """{"metadata":{"name":"r"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"} }""");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Requests_OfTheTable_AreAnsweredAsDocumented()
    {
        var wrong = new List<string>();
        foreach (var (method, path, body, type, code, reason, message) in Table())
        {
            var (given, status) = await _api.SendAsync(method, path, body, type ?? "application/json");
            if (given != code || ((string?)status["reason"] ?? "") != reason || !((string?)status["message"] ?? "").Contains(message, StringComparison.Ordinal))
                wrong.Add($"{method} {path} {body}\n  {given} {status["reason"]}: {status["message"]}\n  instead of {code} {reason}: {message}");
            else if ((string?)status["kind"] != "Status" || (string?)status["status"] != "Failure" || (int?)status["code"] != code) wrong.Add($"{method} {path}: no whole Status: {status.ToJsonString()}");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static IEnumerable<(string Method, string Path, string? Body, string? Type, int Code, string Reason, string Message)> Table() =>
    [
        ("GET", Api.ConfigMaps + "/x", null, null, 404, "NotFound", "configmaps \"x\" not found"),
        ("GET", Deployments + "/x", null, null, 404, "NotFound", "deployments.apps \"x\" not found"),
        ("GET", "/api/v1/nothing", null, null, 404, "NotFound", "the server could not find the requested resource"),
        ("GET", Api.ConfigMaps + "/a/status", null, null, 404, "NotFound", "the server could not find the requested resource"),
        ("POST", Api.ConfigMaps, Named("a"), null, 409, "AlreadyExists", "configmaps \"a\" already exists"),
        ("POST", "/api/v1/namespaces/none/configmaps", Named("c"), null, 404, "NotFound", "namespaces \"none\" not found"),
        ("POST", "/api/v1/configmaps", Named("c"), null, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        ("PUT", Api.ConfigMaps, Named("c"), null, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        ("POST", Api.ConfigMaps, Named("c"), "text/plain", 415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted media types include: application/json"),
        ("PATCH", Api.ConfigMaps + "/a", "{}", "application/other", 415, "UnsupportedMediaType", "application/strategic-merge-patch+json"),
        ("POST", Api.ConfigMaps, """{"metadata":{"name":"A_b"} }""", null, 422, "Invalid", "ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"),
        ("POST", Api.ConfigMaps, "{}", null, 422, "Invalid", "metadata.name: Required value: name or generateName is required"),
        ("POST", Api.ConfigMaps, """{"metadata":{"name":"c","namespace":"other"} }""", null, 400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request"),
        ("POST", Api.ConfigMaps + "?fieldValidation=Strict", """{"metadata":{"name":"c"},"data2":{} }""", null, 400, "BadRequest", "strict decoding error: unknown field \"data2\""),
        ("POST", Api.ConfigMaps + "?fieldValidation=Strict", """{"metadata":{"name":"c"},"data":{"a":"1","a":"2"} }""", null, 400, "BadRequest", "strict decoding error: duplicate field \"data.a\""),
        ("POST", Api.ConfigMaps, """{"metadata":{"name":"c"},"data":{"a":1} }""", null, 400, "BadRequest", "json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string"),
        ("POST", Api.ConfigMaps, """{"kind":"ConfigMap","apiVersion":"v2","metadata":{"name":"c"} }""", null, 400, "BadRequest", "the API version in the data (v2) does not match the expected API version (v1)"),
        ("PUT", Api.ConfigMaps + "/a", Named("b"), null, 400, "BadRequest", "the name of the object (b) does not match the name on the URL (a)"),
        ("PUT", Api.ConfigMaps + "/a", """{"metadata":{"name":"a","namespace":"other"} }""", null, 400, "BadRequest", "the namespace of the object (other) does not match the namespace on the URL (default)"),
        ("PATCH", Api.ConfigMaps + "/a", Named("b"), Merge, 400, "BadRequest", "the name of the object (b) does not match the name on the URL (a)"),
        ("PUT", Api.ConfigMaps + "/a", """{"metadata":{"name":"a","resourceVersion":"1"} }""", null, 409, "Conflict", "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"),
        ("PUT", Api.ConfigMaps + "/nope", Named("nope"), null, 404, "NotFound", "configmaps \"nope\" not found"),
        ("DELETE", Api.ConfigMaps + "/a", """{"preconditions":{"uid":"x"} }""", null, 409, "Conflict", "Precondition failed: UID in precondition: x, UID in object meta: "),
        ("DELETE", Api.ConfigMaps + "/a", """{"preconditions":{"resourceVersion":"1"} }""", null, 409, "Conflict", "Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: "),
        ("DELETE", "/api/v1/namespaces/kube-system", null, null, 403, "Forbidden", "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"),
        ("GET", Api.ConfigMaps + "?labelSelector=a%20b", null, null, 400, "BadRequest", "unable to parse requirement"),
        ("GET", Api.ConfigMaps + "?fieldSelector=spec.x%3Da", null, null, 400, "BadRequest", "field label not supported: spec.x"),
        ("GET", Api.ConfigMaps + "?resourceVersion=99999999", null, null, 504, "Timeout", "Too large resource version: 99999999, current: "),
        ("GET", Api.ConfigMaps + "?resourceVersion=1&resourceVersionMatch=Foo", null, null, 422, "Invalid", "resourceVersionMatch: Unsupported value: \"Foo\": supported values: \"\", \"Exact\", \"NotOlderThan\""),
        ("GET", Api.ConfigMaps + "?continue=abc", null, null, 400, "BadRequest", "continue key is not valid"),
        ("PATCH", Api.ConfigMaps + "/a", """[{"op":"test","path":"/kind","value":"x"}]""", Patch, 422, "Invalid", "the server rejected our request due to an error in our request"),
        ("PATCH", Api.ConfigMaps + "/a", """[{"op":"remove","path":"/x/y"}]""", Patch, 422, "Invalid", "the server rejected our request due to an error in our request"),
        ("POST", Services, """{"metadata":{"name":"t"},"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":80}]} }""", null, 422, "Invalid", "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767"),
        ("POST", Services, """{"metadata":{"name":"1s"},"spec":{"ports":[{"port":80}]} }""", null, 422, "Invalid", "metadata.name: Invalid value: \"1s\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character"),
        ("POST", Services, """{"metadata":{"name":"t"},"spec":{"ports":[]} }""", null, 422, "Invalid", "spec.ports: Required value"),
        ("POST", Services, """{"metadata":{"name":"t"},"spec":{"ports":[{"port":80},{"port":81}]} }""", null, 422, "Invalid", "[spec.ports[0].name: Required value, spec.ports[1].name: Required value]"),
        ("POST", Services, """{"metadata":{"name":"t"},"spec":{"clusterIP":"1.2.3.4","ports":[{"port":80}]} }""", null, 422, "Invalid", "the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.96.0.0/16"),
        ("PATCH", Services + "/s", """{"spec":{"clusterIP":"10.96.0.77","clusterIPs":["10.96.0.77"]} }""", Merge, 422, "Invalid", "may not change once set"),
        ("PATCH", Secrets + "/i", """{"stringData":{"a":"b"} }""", Merge, 422, "Invalid", "data: Forbidden: field is immutable when `immutable` is set"),
        ("PATCH", Secrets + "/i", """{"immutable":false}""", Merge, 422, "Invalid", "immutable: Forbidden: field is immutable when `immutable` is set"),
        ("PATCH", Secrets + "/i", """{"type":"x/y"}""", Merge, 422, "Invalid", "type: Invalid value: \"x/y\": field is immutable"),
        ("POST", Deployments, Deployment("e", "x"), null, 422, "Invalid", "spec.template.metadata.labels: Invalid value: {\"a\":\"x\"}: `selector` does not match template `labels`"),
        ("PATCH", Deployments + "/d", """{"spec":{"selector":{"matchLabels":{"a":"c"} },"template":{"metadata":{"labels":{"a":"c"} } } } }""", Merge, 422, "Invalid", "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"c\"}}: field is immutable"),
        ("PATCH", Bindings + "/r", """{"roleRef":{"name":"edit"} }""", Merge, 422, "Invalid", "cannot change roleRef"),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/none/token", "{}", null, 404, "NotFound", "serviceaccounts \"none\" not found"),
        ("GET", Api.ConfigMaps + "/a?resourceVersion=99999999", null, null, 504, "Timeout", "Too large resource version: 99999999, current: "),
        ("GET", Api.ConfigMaps + "?continue=abc&resourceVersion=5", null, null, 400, "BadRequest", "specifying resource version is not allowed when using continue"),
        ("GET", Api.ConfigMaps + "?timeout=invalid", null, null, 400, "BadRequest", "invalid timeout specified in the request URL"),
        ("GET", "/version?timeout=invalid", null, null, 400, "BadRequest", "invalid timeout specified in the request URL"),
        ("GET", "/api/v1/namespaces/default/nodes", null, null, 404, "NotFound", "the server could not find the requested resource"),
        ("DELETE", "/api/v1/namespaces", null, null, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        ("POST", Api.ConfigMaps, """{"metadata":{"name":"c","resourceVersion":"5"} }""", null, 500, "", "resourceVersion should not be set on objects to be created"),
        ("POST", Api.ConfigMaps, """{"metadata":{"name":"c"},"data":{"k":"v"},"binaryData":{"k":"dg=="} }""", null, 422, "Invalid", "data[k]: Invalid value: \"k\": duplicate of key present in binaryData"),
        ("POST", Api.ConfigMaps + "?fieldValidation=Loud", Named("c"), null, 422, "Invalid", "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Loud\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""),
        ("PUT", Api.ConfigMaps + "/a", "{}", null, 400, "BadRequest", "the name of the object (a based on URL) was undeterminable: name must be provided"),
        ("PATCH", Api.ConfigMaps + "/a?force=true", "{}", Merge, 422, "Invalid", "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"),
        ("PATCH", Api.ConfigMaps + "/a?fieldValidation=Strict", """{"data2":{} }""", Merge, 422, "Invalid", "patch: Invalid value: strict decoding error: unknown field \"data2\""),
        ("PATCH", Services + "/s/status", """{"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]} } }""", Merge, 422, "Invalid", "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is \"LoadBalancer\""),
        ("PUT", Leases + "/l", """{"metadata":{"name":"l"},"spec":{} }""", null, 422, "Invalid", "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"),
        ("POST", Quotas, """{"metadata":{"name":"q"},"spec":{"hard":{"apples":"1"} } }""", null, 422, "Invalid", "spec.hard[apples]: Invalid value: \"apples\": must be a standard resource for quota"),
        ("POST", Quotas, """{"metadata":{"name":"q"},"spec":{"hard":{"pods":"1500m"} } }""", null, 422, "Invalid", "spec.hard[pods]: Invalid value: \"1500m\": must be an integer"),
        ("POST", Limits, """{"metadata":{"name":"l"},"spec":{"limits":[{"type":"Container","default":{"cpu":"2"},"max":{"cpu":"1"} }]} }""", null, 422, "Invalid", "spec.limits[0].default[cpu]: Invalid value: \"2\": default value 2 is greater than max value 1"),
        ("POST", Limits, """{"metadata":{"name":"l"},"spec":{"limits":[{"type":"Container","default":{"cpu":"1"},"defaultRequest":{"cpu":"2"} }]} }""", null, 422, "Invalid", "default request value 2 is greater than default limit value 1"),
        ("POST", Events, """{"metadata":{"name":"e"},"regarding":{"namespace":"default"},"reportingController":"c","reportingInstance":"i","action":"a","reason":"r","type":"Normal"}""", null, 422, "Invalid", "eventTime: Required value"),
        ("POST", Events, """{"metadata":{"name":"e"},"regarding":{"namespace":"default"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingInstance":"i","action":"a","reason":"r","type":"Normal"}""", null, 422, "Invalid", "reportingComponent: Required value"),
        ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", """{"spec":{"user":"u"} }""", null, 422, "Invalid", "exactly one of nonResourceAttributes or resourceAttributes must be specified"),
        ("GET", "/api/v1/namespaces/default/pods/none/log", null, null, 404, "NotFound", "pods \"none\" not found"),
    ];

    private static string Named(string name) => $$"""{"metadata":{"name":"{{name}}"} }""";

    private static string Deployment(string name, string label) =>
        $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"selector":{"matchLabels":{"a":"b"} },"template":{"metadata":{"labels":{"a":"{{{label}}}"} },"spec":{"containers":[{"name":"c","image":"i"}]} } } }""";
}
