using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.System;

/// <summary>docs/server-protection.md, by the binary and kubectl.</summary>
public sealed class ServerProtectionTests
{
    private const string Policy = """
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        rules:
        - {level: RequestResponse, verbs: [create], resources: [{group: "", resources: [configmaps]}]}
        - {level: None}
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Secrets_AreEncryptedInTheFile_AndAWrongKeyIsSaid()
    {
        await using var server = new ServerProcess();
        var right = Encryption(server, 1);
        await server.StartAsync("--encryption-provider-config", right);
        var kubectl = new Kubectl(server.Kubeconfig, "default");
        await kubectl.RunAsync("create", "secret", "generic", "s", "--from-literal=word=opensesameopensesame");
        await server.KillAsync();

        var bytes = string.Concat(Directory.EnumerateFiles(server.DataFolder, "store.db*").Select(file => Encoding.Latin1.GetString(File.ReadAllBytes(file))));
        Assert.DoesNotContain("b3BlbnNlc2FtZW9wZW5zZXNhbWU", bytes, StringComparison.Ordinal);
        Assert.Contains("k8s:enc:aesgcm:v1:key1:", bytes, StringComparison.Ordinal);
        var refused = await Command.TryAsync(Command.Fairlead, ["server", "--data-dir", server.DataFolder, "--bind-address", "127.0.0.1", "--advertise-address", "192.0.2.10", "--encryption-provider-config", Encryption(server, 2)]);
        Assert.NotEqual(0, refused.Code);
        Assert.Equal("fairlead: /registry/secrets/default/s cannot be decrypted with the key \"key1\" of --encryption-provider-config: the secret is not the one that it was encrypted with, or the value is damaged\n", refused.Error);
        await server.StartAsync("--encryption-provider-config", right);
        Assert.Equal("opensesameopensesame", Encoding.UTF8.GetString(Convert.FromBase64String(await kubectl.RunAsync("get", "secret", "s", "-o", "jsonpath={.data.word}"))));
    }

    [Fact]
    public async Task AuditLog_HasWhatThePolicyNames_AndAWrongPolicyIsSaid()
    {
        await using var server = new ServerProcess();
        var (policy, log) = (Path.Combine(server.Folder, "policy.yaml"), Path.Combine(server.Folder, "audit.log"));
        await File.WriteAllTextAsync(policy, Policy.Replace("RequestResponse", "Everything", StringComparison.Ordinal), Cancel);
        var refused = await Command.TryAsync(Command.Fairlead, ["server", "--data-dir", server.DataFolder, "--bind-address", "127.0.0.1", "--advertise-address", "192.0.2.10", "--audit-policy-file", policy, "--audit-log-path", log]);
        Assert.Contains("rules[0].level: \"Everything\" is none of None, Metadata, Request, RequestResponse", refused.Error, StringComparison.Ordinal);
        await File.WriteAllTextAsync(policy, Policy, Cancel);
        await server.StartAsync("--audit-policy-file", policy, "--audit-log-path", log);
        var kubectl = new Kubectl(server.Kubeconfig, "default");

        await kubectl.RunAsync("create", "configmap", "a", "--from-literal=x=y");

        var line = await Until.AsyncHolds(() => Task.FromResult(File.ReadLines(log).Select(text => JsonNode.Parse(text)!).FirstOrDefault(one => (string?)one["objectRef"]!["name"] == "a")), found => found is not null, "the line is written");
        Assert.Equal(("ResponseComplete", "create", "admin", 201), ((string)line!["stage"]!, (string)line["verb"]!, (string)line["user"]!["username"]!, (int)line["responseStatus"]!["code"]!));
        Assert.Equal(("y", "y"), ((string)line["requestObject"]!["data"]!["x"]!, (string)line["responseObject"]!["data"]!["x"]!));
        Assert.DoesNotContain("\"verb\":\"get\"", await File.ReadAllTextAsync(log, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Components_Roles_AndStorageClasses_ByKubectl()
    {
        await using var server = new ServerProcess();
        await server.StartAsync();
        var kubectl = new Kubectl(server.Kubeconfig, "default");
        var components = await Until.AsyncHolds(() => kubectl.TryAsync(["get", "cs", "--no-headers"]), found => found.Output.Split("Healthy").Length == 4 && !found.Output.Contains("Unhealthy", StringComparison.Ordinal), "all are healthy");
        Assert.Equal(["scheduler", "controller-manager", "etcd-0"], components.Output.Trim().Split('\n').Select(line => line.Split(' ')[0]));
        Assert.Contains("Warning: v1 ComponentStatus is deprecated in v1.19+", components.Error, StringComparison.Ordinal);

        Assert.Equal("no", await CanIAsync(kubectl));
        await kubectl.RunAsync("create", "clusterrolebinding", "jane", "--clusterrole=view", "--user=jane");
        await kubectl.ApplyAsync("""{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: { name: more, labels: { rbac.authorization.k8s.io/aggregate-to-view: "true" } }, rules: [{ apiGroups: [""], resources: [secrets], verbs: [get] }] }""");
        await Until.AsyncHolds(() => CanIAsync(kubectl), answer => answer == "yes", "view has the other role's rule");
        await kubectl.RunAsync("delete", "clusterrole", "more");
        await Until.AsyncHolds(() => CanIAsync(kubectl), answer => answer == "no", "it is gone again");

        await kubectl.ApplyAsync("""{ apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: { name: fast, annotations: { storageclass.kubernetes.io/is-default-class: "true" } }, provisioner: example.com/p }""");
        Assert.Matches(@"^fast \(default\) +example\.com/p +Delete +Immediate +false +\d+s$", await kubectl.RunAsync("get", "sc", "--no-headers"));
    }

    [Fact]
    public async Task BodiesThatWouldFillOrBreakTheServer_AreRefused_AndItGoesOn()
    {
        await using var server = new ServerProcess();
        await server.StartAsync();
        var bomb = string.Join('\n', Enumerable.Range(0, 9).Select(i => $"{(char)('a' + i)}: &{(char)('a' + i)} [{string.Join(',', Enumerable.Repeat(i == 0 ? "x" : $"*{(char)('a' + i - 1)}", 9))}]"));
        foreach (var (body, type, code) in ((string, string, int)[])
        [
            (bomb, "application/yaml", 413), (new string('[', 1_000_000), "application/yaml", 400), (new string('[', 1_000_000), "application/json", 400),
            ("{\"data\":{\"a\":\"\\ud800\"}}", "application/json", 400), (new string('x', 4_000_000), "application/json", 413),
        ])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/namespaces/default/configmaps") { Content = new StringContent(body, Encoding.UTF8, type) };
            using var answer = await server.Http.SendAsync(request, Cancel);
            Assert.Equal((HttpStatusCode)code, answer.StatusCode);
        }
        Assert.Equal("ok", await server.Http.GetStringAsync("/readyz", Cancel));
    }

    private static async Task<string> CanIAsync(Kubectl kubectl) =>
        (await kubectl.TryAsync(["auth", "can-i", "get", "secrets", "--as", "jane"])).Output.Trim().Split('\n')[^1].Split(' ')[0];

    private static string Encryption(ServerProcess server, byte key)
    {
        var file = Path.Combine(server.Folder, $"encryption-{key}.yaml");
        File.WriteAllText(file, $$"""
            { apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [
              { resources: [secrets], providers: [{ aesgcm: { keys: [{ name: key1, secret: {{Convert.ToBase64String(Enumerable.Repeat(key, 32).ToArray())}} }] } }, { identity: {} }] }] }
            """);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }
}
