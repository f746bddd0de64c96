using Fairlead.ApiServer;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Audit;
using System.Net;
using Xunit;

namespace Fairlead.Unit.ApiServer.Security.Audit;

/// <summary>Which rule is about a request (Kubernetes documentation: "Auditing", audit policy).</summary>
public sealed class AuditPolicyTests
{
    private static readonly KindTable Kinds = new(new ServiceAllocator([new AddressRange(IPNetwork.Parse("10.96.0.0/16"))], 30000, 32767));
    private static readonly User Jane = new("jane", ["devs", "system:authenticated"]);

    [Theory]
    [InlineData("""users: [jane]""", "GET", "/api/v1/pods", true)]
    [InlineData("""users: [bob]""", "GET", "/api/v1/pods", false)]
    [InlineData("""userGroups: [ops, devs]""", "GET", "/api/v1/pods", true)]
    [InlineData("""userGroups: [ops]""", "GET", "/api/v1/pods", false)]
    [InlineData("""verbs: [list]""", "GET", "/api/v1/pods", true)]
    [InlineData("""verbs: [get]""", "GET", "/api/v1/pods", false)]
    [InlineData("""verbs: [deletecollection]""", "DELETE", "/api/v1/namespaces/a/pods", true)]
    [InlineData("""resources: [{group: ""}]""", "GET", "/api/v1/pods", true)]
    [InlineData("""resources: [{group: apps}]""", "GET", "/api/v1/pods", false)]
    [InlineData("""resources: [{group: apps, resources: [deployments]}]""", "GET", "/apis/apps/v1/deployments", true)]
    [InlineData("""resources: [{group: "", resources: [pods]}]""", "GET", "/api/v1/namespaces/a/pods/p", true)]
    [InlineData("""resources: [{group: "", resources: [pods]}]""", "GET", "/api/v1/namespaces/a/pods/p/log", false)]
    [InlineData("""resources: [{group: "", resources: [pods/log]}]""", "GET", "/api/v1/namespaces/a/pods/p/log", true)]
    [InlineData("""resources: [{group: "", resources: [pods/*]}]""", "GET", "/api/v1/namespaces/a/pods/p/log", true)]
    [InlineData("""resources: [{group: "", resources: [pods/*]}]""", "GET", "/api/v1/namespaces/a/pods/p", false)]
    [InlineData("""resources: [{group: "", resources: ["*/status"]}]""", "PUT", "/api/v1/namespaces/a/pods/p/status", true)]
    [InlineData("""resources: [{group: "", resources: ["*"]}]""", "GET", "/api/v1/namespaces/a/pods/p/log", true)]
    [InlineData("""resources: [{group: "", resources: [pods], resourceNames: [p]}]""", "GET", "/api/v1/namespaces/a/pods/p", true)]
    [InlineData("""resources: [{group: "", resources: [pods], resourceNames: [q]}]""", "GET", "/api/v1/namespaces/a/pods/p", false)]
    [InlineData("""namespaces: [a]""", "GET", "/api/v1/namespaces/a/pods", true)]
    [InlineData("""namespaces: [b]""", "GET", "/api/v1/namespaces/a/pods", false)]
    [InlineData("""namespaces: [""]""", "GET", "/api/v1/nodes", true)]
    [InlineData("""namespaces: [a]""", "GET", "/api/v1/namespaces/a", true)]
    [InlineData("""namespaces: [a]""", "GET", "/healthz", false)]
    [InlineData("""nonResourceURLs: ["/healthz*"]""", "GET", "/healthz/etcd", true)]
    [InlineData("""nonResourceURLs: ["/healthz"]""", "GET", "/healthz/etcd", false)]
    [InlineData("""nonResourceURLs: ["*"]""", "GET", "/version", true)]
    [InlineData("""nonResourceURLs: ["*"]""", "GET", "/api/v1/pods", false)]
    [InlineData("""users: []""", "GET", "/version", true)]
    public void Rule_Request_MatchesOrNot(string rule, string method, string path, bool matches)
    {
        var policy = AuditPolicyFile.ReadText($"{{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{{level: Metadata, {rule}}}]}}");

        Assert.Equal(matches ? AuditLevel.Metadata : AuditLevel.None, policy.Decide(Jane, ApiRequest.Parse(method, path, false, Kinds)).Level);
    }

    [Fact]
    public void Decide_SeveralRulesMatch_TheFirstCounts_AndStagesAddUp()
    {
        var policy = AuditPolicyFile.ReadText("""
            apiVersion: audit.k8s.io/v1
            kind: Policy
            omitStages: [RequestReceived]
            omitManagedFields: true
            rules:
            - level: None
              users: [bob]
            - level: Request
              omitStages: [ResponseStarted]
              omitManagedFields: false
            - level: Metadata
            """);

        var decision = policy.Decide(Jane, ApiRequest.Parse("GET", "/api/v1/pods", false, Kinds));

        Assert.Equal((AuditLevel.Request, false), (decision.Level, decision.OmitManagedFields));
        Assert.Equal([AuditStage.RequestReceived, AuditStage.ResponseStarted], decision.OmittedStages.Order());
    }

    [Theory]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy}", "rules: without a rule nothing is logged")]
    [InlineData("{apiVersion: audit.k8s.io/v1beta1, kind: Policy, rules: [{level: None}]}", "is audit.k8s.io/v1beta1 Policy; it must be audit.k8s.io/v1 Policy")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Everything}]}", "rules[0].level: \"Everything\" is none of")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: 1}]}", "rules[0].level: must be a string")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, verb: [get]}]}", "rules[0].verb: unknown field")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, omitStages: [Never]}]}", "rules[0].omitStages: \"Never\" is none of")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, nonResourceURLs: [healthz]}]}", "\"healthz\" must begin with /")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, nonResourceURLs: [/a*b]}]}", "a star can only stand at the end")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]}", "both resources and paths")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, resources: [{group: apps/v1}]}]}", "rules[0].resources[0].group: \"apps/v1\" must be a group without its version")]
    [InlineData("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, resources: [{resourceNames: [a]}]}]}", "names need resources")]
    [InlineData("rules: [", "error converting YAML")]
    [InlineData("", "there is no Policy in it")]
    public void Policy_Wrong_SaysWhereAndWhy(string text, string message)
    {
        var refused = Assert.Throws<ApiServerOptionsException>(() => AuditPolicyFile.ReadText(text));

        Assert.StartsWith("--audit-policy-file", refused.Message, StringComparison.Ordinal);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }
}
