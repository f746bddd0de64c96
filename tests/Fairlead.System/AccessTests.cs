using Xunit;

namespace Fairlead.System;

/// <summary>Who may do what, by kubectl: roles, tokens, impersonation; and clients inside the cluster.</summary>
public sealed class AccessTests(Cluster cluster)
{
    [Fact]
    public async Task CanI_AsSomebodyElse_FollowsTheBindings()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        Assert.Equal("no", (await kubectl.TryAsync(["auth", "can-i", "list", "pods", "--as", "jane"])).Output.Trim().Split(' ')[0]);

        await kubectl.RunAsync("create", "rolebinding", "jane", "--clusterrole=view", "--user=jane");

        Assert.Equal("yes", (await kubectl.RunAsync("auth", "can-i", "list", "pods", "--as", "jane")).Trim());
        Assert.Equal("no", (await kubectl.TryAsync(["auth", "can-i", "list", "secrets", "--as", "jane"])).Output.Trim().Split(' ')[0]);
        var refused = await kubectl.TryAsync(["get", "secrets", "--as", "jane"]);
        Assert.Contains($"User \"jane\" cannot list resource \"secrets\" in API group \"\" in the namespace \"{kubectl.Namespace}\"", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PodWithItsToken_TalksToTheApi_AsItsRolesAllow()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("run", "client", "--image=fairlead/host", "--", "sleep", "1000");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
        const string Ask = "D=/var/run/secrets/kubernetes.io/serviceaccount; curl -s --max-time 5 --cacert $D/ca.crt -H \"Authorization: Bearer $(cat $D/token)\" " +
            "https://kubernetes.default.svc/api/v1/namespaces/$(cat $D/namespace)/pods/client -o /dev/null -w '%{http_code}'";

        Assert.Equal("403", await kubectl.RunAsync("exec", "client", "--", "sh", "-c", Ask));
        await kubectl.RunAsync("create", "rolebinding", "client", "--clusterrole=view", $"--serviceaccount={kubectl.Namespace}:default");
        Assert.Equal("200", await kubectl.RunAsync("exec", "client", "--", "sh", "-c", Ask));
    }

    [Fact]
    public async Task TokenOfAnAccount_IsThatAccount()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("create", "serviceaccount", "robot");
        var token = await kubectl.RunAsync("create", "token", "robot");

        Assert.Contains($"system:serviceaccount:{kubectl.Namespace}:robot", await kubectl.RunAsync("auth", "whoami", "--as", $"system:serviceaccount:{kubectl.Namespace}:robot"), StringComparison.Ordinal);
        Assert.Equal(3, token.Split('.').Length);
    }

    [Fact]
    public async Task Proxy_ReachesPodsServicesAndNodes()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pod = (await kubectl.WaitForReadyAsync("kubia", 3))[0];
        await kubectl.WaitForEndpointsAsync("kubia", 3);

        Assert.Equal($"You've hit {pod}", await kubectl.RunAsync("get", "--raw", $"/api/v1/namespaces/{kubectl.Namespace}/pods/{pod}:8080/proxy/"));
        Assert.StartsWith("You've hit kubia-", await kubectl.RunAsync("get", "--raw", $"/api/v1/namespaces/{kubectl.Namespace}/services/http:kubia:80/proxy/"), StringComparison.Ordinal);
        Assert.Equal("ok", await kubectl.RunAsync("get", "--raw", "/api/v1/nodes/node1/proxy/healthz"));
        var none = await kubectl.TryAsync(["get", "--raw", $"/api/v1/namespaces/{kubectl.Namespace}/services/kubia:81/proxy/"]);
        Assert.Contains("no service port \"81\" found for service \"kubia\"", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServerSideApply_OfWhatWasAppliedBefore_GoesOverWithoutConflict()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");

        Assert.Contains("serverside-applied", await kubectl.RunAsync("apply", "--server-side", "-f", "examples/kubia/"), StringComparison.Ordinal);
        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=1");
        var conflict = await kubectl.TryAsync(["apply", "--server-side", "--field-manager=other", "-f", "examples/kubia/"]);
        Assert.Contains("conflict with \"kubectl\"", conflict.Error, StringComparison.Ordinal);
        Assert.Contains(".spec.replicas", conflict.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Debug_AddsAContainerThatSeesThePod()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("run", "main", "--image=fairlead/host", "--", "fairlead", "echo");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/main", "--timeout=60s");

        await kubectl.RunAsync("debug", "main", "--image=fairlead/host", "--container=helper", "--attach=false", "--", "sleep", "1000");
        var seen = await Until.AsyncHolds(
            () => kubectl.TryAsync(["exec", "main", "-c", "helper", "--", "curl", "-s", "--max-time", "5", "http://127.0.0.1:8080/"]), answer => answer.Code == 0, "the ephemeral container runs");

        Assert.Equal("You've hit main\n", seen.Output);
    }
}
