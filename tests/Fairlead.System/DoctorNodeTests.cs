using System.Text.Json;
using Xunit;

namespace Fairlead.System;

/// <summary>Nodes that hang, die and are stopped, and what the doctor says of it.</summary>
public sealed class DoctorNodeTests
{
    private const string Service = "{ apiVersion: v1, kind: Service, metadata: { name: server }, spec: { type: NodePort, selector: { app: server }, ports: [ { port: 80, targetPort: 8080 } ] } }";

    /// <summary>A node's agent that hangs: its DNS is silent, and nobody mends the kernel's table. Then it dies, and is started by the doctor's command.</summary>
    [Fact]
    public async Task Node_HangsAndDies_TheDoctorFindsDnsKernelAndAgent()
    {
        await using var own = await StartAsync("doctor-node");
        var pid = await AgentAsync(own.Name, "node2");

        await Command.RunAsync("kill", "-STOP", pid);
        foreach (var map in (string[])["service-ips", "node-ports"]) await Command.RunAsync("nsenter", $"--net=/run/fairlead/{own.Name}/netns/node2", "nft", "flush", "map", "ip", "fairlead", map);
        var codes = (await Doctor.FindingsAsync("svc/server", own.Kubeconfig)).Select(found => found.Code).ToList();

        foreach (var code in (string[])["dns-silent", "kernel-differs", "proxy-silent", "cluster-ip-fails", "node-port-fails"]) Assert.Contains(code, codes);

        await Command.RunAsync("kill", "-KILL", pid);
        var dead = await Until.AsyncHolds(() => Doctor.FindingsAsync("svc/server", own.Kubeconfig), found => found.Any(finding => finding is { Code: "agent-down", About: "node/node2" }), "the dead agent");
        await MendAsync(own, dead.First(finding => finding.Code == "agent-down"));
    }

    [Fact]
    public async Task Node_Stopped_TheDoctorFindsItAtOnceAndWhenItIsNotReady()
    {
        await using var own = await StartAsync("doctor-stop");
        await Command.RunAsync(Command.Fairlead, "node", "stop", "node2", "--name", own.Name);

        var stopped = Assert.Single(await Doctor.FindingsAsync("svc/server", own.Kubeconfig), found => found.Code == "node-stopped");
        Assert.Equal(("node/node2", $"fairlead node start node2 --name {own.Name}"), (stopped.About, stopped.Mend));
        var list = await Command.RunAsync(Command.Fairlead, "node", "ls", "--name", own.Name, "--output", "json");
        using var nodes = JsonDocument.Parse(list.Output);
        Assert.Equal(["node1 running", "node2 stopped"], nodes.RootElement.GetProperty("nodes").EnumerateArray().Select(node => $"{node.GetProperty("name")} {node.GetProperty("state")}"));

        // The node controller waits 40 seconds for its next word.
        await own.Kubectl.RunAsync("wait", "--for=condition=Ready=Unknown", "node/node2", "--timeout=55s");
        Assert.Contains(await Doctor.FindingsAsync("svc/server", own.Kubeconfig), found => found is { Code: "node-not-ready", About: "node/node2" });
        await MendAsync(own, stopped);
    }

    private static async Task<OwnCluster> StartAsync(string purpose)
    {
        var own = new OwnCluster(purpose);
        await own.UpAsync("--nodes", "2");
        await own.Kubectl.ApplyAsync(Doctor.Pod("server", "server", "node1", Doctor.Echo));
        await own.Kubectl.ApplyAsync(Service);
        await Until.AsyncHolds(() => Doctor.AskAsync("svc/server", own.Kubeconfig), result => result.Code == 0, "health");
        return own;
    }

    /// <summary>Does what the doctor says.</summary>
    private static async Task MendAsync(OwnCluster own, Found found)
    {
        await Command.RunAsync("sh", "-c", found.Mend.Replace("fairlead ", $"{Command.Fairlead} ", StringComparison.Ordinal));
        await Until.AsyncHolds(() => Doctor.AskAsync("svc/server", own.Kubeconfig), result => result.Code == 0, "health again");
    }

    private static async Task<string> AgentAsync(string cluster, string node)
    {
        using var status = JsonDocument.Parse((await Command.RunAsync(Command.Fairlead, "status", "--name", cluster, "--output", "json")).Output);
        return status.RootElement.GetProperty("clusters")[0].GetProperty("processes").EnumerateArray().First(process => process.GetProperty("name").GetString() == node).GetProperty("pid").GetInt32().ToString();
    }
}
