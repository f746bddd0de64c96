using System.Globalization;
using Xunit;

namespace Fairlead.System;

/// <summary>Deployments and StatefulSets as their users drive them: rollout, rollback, names that stay.</summary>
public sealed class WorkloadTests(Cluster cluster)
{
    [Fact]
    public async Task Deployment_RolloutAndRollbackUnderLoad_LoseNoRequest()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/deployment/");
        await kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        await kubectl.WaitForEndpointsAsync("web", 3);
        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Pod, metadata: { name: client }, spec: { containers: [ { name: c, image: fairlead/host, command: [ sleep, infinity ] } ] } }");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
        var address = await kubectl.ClusterIpAsync("web");
        // On a busy machine an answer may take its time; a lost one never comes.
        var load = kubectl.TryAsync(["exec", "client", "--", "bash", "-c", $"while [ ! -e /tmp/stop ]; do curl -s -o /dev/null --max-time 30 -w '%{{remote_ip}} connected after %{{time_connect}} s\\n' http://{address}/ >/tmp/last && echo ok || echo lost $? $(date +%T.%N) $(cat /tmp/last); done"]);

        var first = await kubectl.ReadyPodsAsync("web");
        await kubectl.RunAsync("set", "env", "deployment/web", "VERSION=2");
        await kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        Assert.Empty(first.Intersect(await kubectl.ReadyPodsAsync("web")));
        await kubectl.RunAsync("rollout", "undo", "deployment/web");
        await kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        await kubectl.WaitForReadyAsync("web", 3);

        await kubectl.RunAsync("exec", "client", "--", "touch", "/tmp/stop");
        var answers = (await load).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(answers.Length > 100, $"{answers.Length} requests");
        Assert.All(answers, answer => Assert.Equal("ok", answer));
        Assert.Equal("1", await kubectl.RunAsync("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}"));
        Assert.Equal("3", await kubectl.RunAsync("get", "deployment", "web", "-o", "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}"));
        Assert.Equal("2,3", await RevisionsAsync(kubectl));
        Assert.Contains("Scaled up replica set web-", await kubectl.RunAsync("describe", "deployment", "web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deployment_BrokenRollout_KeepsTheOldPodsAndTellsOfItsDeadline()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/deployment/");
        await kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        await kubectl.RunAsync("patch", "deployment", "web", "-p", """{"spec":{"progressDeadlineSeconds":2,"template":{"spec":{"containers":[{"name":"web","readinessProbe":{"httpGet":{"port":9}}}]}}}}""");

        var status = await kubectl.TryAsync(["rollout", "status", "deployment/web", "--timeout=60s"]);

        Assert.Equal(1, status.Code);
        Assert.Contains("exceeded its progress deadline", status.Error, StringComparison.Ordinal);
        await kubectl.WaitForReadyAsync("web", 3);
        Assert.Equal("ProgressDeadlineExceeded", await kubectl.RunAsync("get", "deployment", "web", "-o", "jsonpath={.status.conditions[?(@.type==\"Progressing\")].reason}"));
    }

    [Fact]
    public async Task Deployment_Deleted_TakesAllWithItOrOrphansThem()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/deployment/");
        await kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        var pods = await kubectl.ReadyPodsAsync("web");

        await kubectl.RunAsync("delete", "deployment", "web", "--cascade=orphan");
        Assert.Equal(pods, await kubectl.ReadyPodsAsync("web"));
        await kubectl.RunAsync("apply", "-f", "examples/deployment/");
        await kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        // The new Deployment took the ReplicaSet over, and its pods with it.
        Assert.Equal(pods, await kubectl.ReadyPodsAsync("web"));

        await kubectl.RunAsync("delete", "deployment", "web", "--cascade=foreground", "--timeout=60s");
        Assert.Equal("", await kubectl.RunAsync("get", "replicasets,pods", "-o", "name"));
    }

    [Fact]
    public async Task StatefulSet_PodsHaveNames_ThatDnsKnowsAndUpdatesKeep()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/statefulset/");
        await kubectl.RunAsync("rollout", "status", "statefulset/db", "--timeout=60s");
        Assert.Equal(["db-0", "db-1", "db-2"], await kubectl.ReadyPodsAsync("db"));
        var created = await kubectl.WordsAsync("pods", "{.items[*].status.startTime}", "-l", "app=db");
        Assert.Equal(created.Order(), created);
        var domain = $"db.{kubectl.Namespace}.svc.cluster.local";
        Assert.Equal($"db-0.{domain}", await kubectl.RunAsync("exec", "db-0", "--", "hostname", "-f"));
        Assert.Equal("You've hit db-2\n", (await kubectl.CurlAsync("db-0", "http://db-2.db:8080/")).Output);

        // A canary: only the highest ordinal changes, and a pod below made again stays as it was.
        await kubectl.RunAsync("patch", "statefulset", "db", "-p", """{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}""");
        await kubectl.RunAsync("set", "env", "statefulset/db", "VERSION=2");
        await kubectl.RunAsync("rollout", "status", "statefulset/db", "--timeout=60s");
        await kubectl.RunAsync("delete", "pod", "db-1");
        await kubectl.WaitForReadyAsync("db", 3);
        Assert.Equal(["VERSION"], await kubectl.WordsAsync("pods", "{.items[*].spec.containers[0].env[*].name}", "-l", "app=db"));
        Assert.Equal("You've hit db-1\n", (await kubectl.CurlAsync("db-0", "--retry", "10", "--retry-all-errors", "--retry-delay", "1", "http://db-1.db:8080/")).Output);

        await kubectl.RunAsync("rollout", "undo", "statefulset/db");
        await kubectl.RunAsync("rollout", "status", "statefulset/db", "--timeout=60s");
        await kubectl.RunAsync("scale", "statefulset/db", "--replicas=1");
        await kubectl.WaitForReadyAsync("db", 1);
        Assert.Equal("2,3", string.Join(',', await kubectl.WordsAsync("controllerrevisions", "{.items[*].revision}", "--sort-by=.revision")));
    }

    [Fact]
    public async Task Workloads_InvalidOrImmutable_AreRefusedInKubernetesWords()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        const string Pod = "spec: { containers: [ { name: c, image: fairlead/host } ] }";
        var mismatch = await kubectl.TryApplyAsync($"{{ apiVersion: apps/v1, kind: Deployment, metadata: {{ name: x }}, spec: {{ selector: {{ matchLabels: {{ a: b }} }}, template: {{ metadata: {{ labels: {{ a: c }} }}, {Pod} }} }} }}");
        Assert.Contains("`selector` does not match template `labels`", mismatch.Error, StringComparison.Ordinal);
        await kubectl.RunAsync("apply", "-f", "examples/deployment/");
        var changed = await kubectl.TryAsync(["patch", "deployment", "web", "-p", """{"spec":{"selector":{"matchLabels":{"more":"x"}}}}"""]);
        Assert.Contains("field is immutable", changed.Error, StringComparison.Ordinal);
        var stuck = await kubectl.TryAsync(["patch", "deployment", "web", "-p", """{"spec":{"strategy":{"rollingUpdate":{"maxSurge":0}}}}"""]);
        Assert.Contains("may not be 0 when `maxSurge` is 0", stuck.Error, StringComparison.Ordinal);
        var claims = await kubectl.TryApplyAsync($"{{ apiVersion: apps/v1, kind: StatefulSet, metadata: {{ name: x }}, spec: {{ selector: {{ matchLabels: {{ a: b }} }}, template: {{ metadata: {{ labels: {{ a: b }} }}, {Pod} }}, volumeClaimTemplates: [ {{ metadata: {{ name: data }}, spec: {{ accessModes: [ ReadWriteOnce ] }} }} ] }} }}");
        Assert.Contains("nothing in this cluster provides volumes for claims", claims.Error, StringComparison.Ordinal);
    }

    private static async Task<string> RevisionsAsync(Kubectl kubectl)
    {
        var history = await kubectl.RunAsync("rollout", "history", "deployment/web");
        return string.Join(',', history.Split('\n').Select(line => line.Split(' ')[0]).Where(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _)));
    }
}
