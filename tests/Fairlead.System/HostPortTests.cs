using Xunit;

namespace Fairlead.System;

/// <summary>Ports of the node that lead to pods.</summary>
public sealed class HostPortTests(Cluster cluster)
{
    [Fact]
    public async Task HostPort_LeadsFromTheNodesAddressToThePod_UntilThePodGoes()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            { apiVersion: v1, kind: Pod, metadata: { name: door }, spec: { terminationGracePeriodSeconds: 5, containers: [
              { name: main, image: fairlead/host, command: [fairlead, echo, --port, "8080"], ports: [{ containerPort: 8080, hostPort: 18080 }] }] } }
            """);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/door", "--timeout=60s");
        var node = await kubectl.RunAsync("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}");

        var outside = await Until.AsyncHolds(() => Command.TryAsync("curl", ["-s", "--max-time", "5", $"http://{node}:18080/"]), answer => answer.Code == 0, "the host port answers");
        var itself = await kubectl.CurlAsync("door", $"http://{node}:18080/");
        await kubectl.RunAsync("delete", "pod", "door");
        var gone = await Command.TryAsync("curl", ["-s", "--max-time", "5", $"http://{node}:18080/"]);

        Assert.Equal("You've hit door\n", outside.Output);
        Assert.Equal("You've hit door\n", itself.Output);
        Assert.Equal(Kubectl.CouldNotConnect, gone.Code);
    }

    [Fact]
    public async Task HostPort_OfOneAddressOrProtocol_IsApartFromTheOthers()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var node = await kubectl.RunAsync("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}");
        foreach (var (name, address) in new[] { ("loopback", "127.0.0.1"), ("node", node) })
        {
            await kubectl.ApplyAsync($$"""
                { apiVersion: v1, kind: Pod, metadata: { name: {{name}} }, spec: { terminationGracePeriodSeconds: 0, containers: [
                  { name: main, image: fairlead/host, command: [fairlead, echo, --port, "8080"], ports: [{ containerPort: 8080, hostPort: 18081, hostIP: {{address}} }] }] } }
                """);
        }
        await kubectl.ApplyAsync("""
            { apiVersion: v1, kind: Pod, metadata: { name: client }, spec: { hostNetwork: true, terminationGracePeriodSeconds: 0, containers: [
              { name: main, image: fairlead/host, command: [sleep, "1000"] }] } }
            """);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/loopback", "pod/node", "pod/client", "--timeout=60s");

        foreach (var (name, address) in new[] { ("loopback", "127.0.0.1"), ("node", node) })
        {
            var answer = await Until.AsyncHolds(() => kubectl.CurlAsync("client", $"http://{address}:18081/"), answer => answer.Code == 0, $"{address} answers");
            Assert.Equal($"You've hit {name}\n", answer.Output);
        }
    }
}
