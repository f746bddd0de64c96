using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Strategies;
using Fairlead.ApiServer.Resources.Strategies.Apps;
using Xunit;

namespace Fairlead.Unit.ApiServer.Resources;

/// <summary>Defaults and validation of apps/v1 as Kubernetes documents and words them.</summary>
public sealed class AppsRulesTests
{
    private const string Sound = """
        "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}
        """;

    [Theory]
    [InlineData("Deployment", "replicas", "1")]
    [InlineData("Deployment", "revisionHistoryLimit", "10")]
    [InlineData("Deployment", "progressDeadlineSeconds", "600")]
    [InlineData("Deployment", "strategy", """{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}}""")]
    [InlineData("ReplicaSet", "replicas", "1")]
    [InlineData("StatefulSet", "podManagementPolicy", "\"OrderedReady\"")]
    [InlineData("StatefulSet", "updateStrategy", """{"type":"RollingUpdate","rollingUpdate":{"partition":0}}""")]
    [InlineData("StatefulSet", "persistentVolumeClaimRetentionPolicy", """{"whenDeleted":"Retain","whenScaled":"Retain"}""")]
    [InlineData("DaemonSet", "updateStrategy", """{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1,"maxSurge":0}}""")]
    public void Default_WhatIsMissing_IsFilledIn(string kind, string field, string expected)
    {
        var obj = Parse(Sound);
        Strategy(kind).Default(obj);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), obj.At("spec", field)), obj.At("spec", field)?.ToJsonString());
        Assert.Equal("Always", obj.Text("spec", "template", "spec", "restartPolicy"));
        Assert.Empty(Errors(kind, obj));
    }

    [Fact]
    public void Default_Recreate_HasNoRollingUpdate()
    {
        var obj = Parse(Sound + ",\"strategy\":{\"type\":\"Recreate\"}");
        Strategy("Deployment").Default(obj);
        Assert.Null(obj.At("spec", "strategy", "rollingUpdate"));
        Assert.Empty(Errors("Deployment", obj));
    }

    [Theory]
    [InlineData("Deployment", "\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}", "spec.selector: Required value")]
    [InlineData("Deployment", "\"selector\":{},", "spec.selector: Invalid value: {}: empty selector is invalid for deployment")]
    [InlineData("StatefulSet", "\"selector\":{},", "spec.selector: Invalid value: {}: empty selector is invalid for statefulset")]
    [InlineData("DaemonSet", "\"selector\":{},", "spec.selector: Invalid value: {}: empty selector is invalid for daemonset")]
    [InlineData("ReplicaSet", "\"selector\":{\"matchLabels\":{\"app\":\"other\"}},", "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`")]
    [InlineData("ReplicaSet", "\"selector\":{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\"}]},", "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'")]
    [InlineData("ReplicaSet", "\"selector\":{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Near\"}]},", "spec.selector.matchExpressions[0].operator: Invalid value: \"Near\": not a valid selector operator")]
    [InlineData("Deployment", ",\"replicas\":-1", "spec.replicas: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("Deployment", ",\"progressDeadlineSeconds\":5,\"minReadySeconds\":5", "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds")]
    [InlineData("Deployment", ",\"strategy\":{\"type\":\"Slowly\"}", "spec.strategy.type: Unsupported value: \"Slowly\": supported values: \"Recreate\", \"RollingUpdate\"")]
    [InlineData("Deployment", ",\"strategy\":{\"type\":\"Recreate\",\"rollingUpdate\":{}}", "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'")]
    [InlineData("Deployment", ",\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0,\"maxUnavailable\":\"0%\"}}", "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0")]
    [InlineData("Deployment", ",\"strategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"101%\"}}", "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%")]
    [InlineData("Deployment", ",\"strategy\":{\"rollingUpdate\":{\"maxSurge\":-2}}", "spec.strategy.rollingUpdate.maxSurge: Invalid value: -2: must be greater than or equal to 0")]
    [InlineData("DaemonSet", ",\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":1,\"maxSurge\":1}}", "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero")]
    [InlineData("DaemonSet", ",\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":0}}", "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0")]
    [InlineData("StatefulSet", ",\"podManagementPolicy\":\"Random\"", "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'")]
    [InlineData("StatefulSet", ",\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":{\"partition\":1}}", "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'")]
    public void Validate_WhatIsWrong_IsToldInKubernetesWords(string kind, string spec, string expected)
    {
        var text = spec.StartsWith(',') ? Sound + spec : spec.EndsWith(',') ? spec + Sound[Sound.IndexOf("\"template\"", StringComparison.Ordinal)..] : spec;
        var obj = Parse(text);
        Strategy(kind).Default(obj);
        Assert.Contains(expected, Errors(kind, obj));
    }

    [Theory]
    [InlineData("OnFailure", "spec.template.spec.restartPolicy: Unsupported value: \"OnFailure\": supported values: \"Always\"")]
    [InlineData("Always", null)]
    public void Validate_Template_RestartsAlways(string policy, string? expected)
    {
        var obj = Parse(Sound);
        obj.Child("spec").Child("template").Child("spec")["restartPolicy"] = policy;
        Strategy("Deployment").Default(obj);
        Assert.Equal(expected is null ? [] : [expected], Errors("Deployment", obj));
    }

    [Theory]
    [InlineData("Deployment")]
    [InlineData("ReplicaSet")]
    [InlineData("DaemonSet")]
    public void ValidateUpdate_Selector_IsImmutable(string kind)
    {
        var (old, now) = (Parse(Sound), Parse(Sound));
        now.Child("spec").Child("selector").Child("matchLabels")["more"] = "x";
        var errors = new FieldErrors();
        Strategy(kind).ValidateUpdate(now, old, errors);
        Assert.Equal("field is immutable", errors.All.Single().Detail.Split(": ")[^1]);
    }

    [Theory]
    [InlineData("replicas", true)]
    [InlineData("minReadySeconds", true)]
    [InlineData("serviceName", false)]
    [InlineData("podManagementPolicy", false)]
    public void ValidateUpdate_StatefulSet_ChangesOnlyWhatItMay(string field, bool allowed)
    {
        var (old, now) = (Parse(Sound), Parse(Sound));
        now.Child("spec")[field] = field.StartsWith('r') || field.StartsWith('m') ? 5 : "x";
        var errors = new FieldErrors();
        Strategy("StatefulSet").ValidateUpdate(now, old, errors);
        Assert.Equal(allowed, !errors.Any);
    }

    private static KindStrategy Strategy(string kind) => kind switch
    {
        "Deployment" => new DeploymentStrategy(),
        "ReplicaSet" => new ReplicaSetStrategy(),
        "StatefulSet" => new StatefulSetStrategy(),
        _ => new DaemonSetStrategy(),
    };

    private static JsonObject Parse(string spec) => (JsonObject)JsonNode.Parse("{\"metadata\":{\"name\":\"web\"},\"spec\":{" + spec + "}}")!;

    private static List<string> Errors(string kind, JsonObject obj)
    {
        var errors = new FieldErrors();
        Strategy(kind).Validate(obj, errors);
        return [.. errors.All.Select(error => $"{error.Field}: {error.Detail}")];
    }
}
