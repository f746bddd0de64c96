using Xunit;

namespace Fairlead.System;

/// <summary>What scripts/package makes of the published binary.</summary>
public sealed class Packages : IAsyncLifetime
{
    public string Version { get; private set; } = "";

    public string Debian => Directory.EnumerateFiles(Path.Combine(Command.Root, "out"), $"fairlead_{Version}_*.deb").Single();

    public string Image { get; } = Path.Combine(Command.Root, "out", "fairlead-image.tar");

    public async ValueTask InitializeAsync()
    {
        await Command.RunAsync(Path.Combine(Command.Root, "scripts", "package"), "--no-build");
        Version = (await Command.RunAsync(Command.Fairlead, "version")).Output.Split(' ')[1];
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>The Debian package is installed beside the machine, and the image runs in pods.</summary>
public sealed class PackageTests(Packages packages, Cluster cluster) : IClassFixture<Packages>, IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("fairlead-package-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>Into another root, whose list of packages is the machine's own, so that dpkg checks the dependencies.</summary>
    [Fact]
    public async Task Debian_InstalledRunAndRemoved_LeavesNothing()
    {
        Directory.CreateDirectory($"{_root}/var/lib/dpkg/info");
        Directory.CreateDirectory($"{_root}/var/lib/dpkg/updates");
        File.Copy("/var/lib/dpkg/status", $"{_root}/var/lib/dpkg/status");

        await DpkgAsync("--install", packages.Debian);

        Assert.StartsWith($"fairlead {packages.Version} (Kubernetes v1.", (await Command.RunAsync($"{_root}/usr/bin/fairlead", "version")).Output, StringComparison.Ordinal);
        // A unit for that root starts the binary in it.
        await Command.RunAsync($"{_root}/usr/bin/fairlead", "install", "dns", "--kubeconfig", "/etc/k", "--root", _root);
        Assert.Contains("ExecStart=/usr/bin/fairlead dns", await File.ReadAllTextAsync($"{_root}/etc/systemd/system/fairlead-dns.service"), StringComparison.Ordinal);
        await Command.RunAsync($"{_root}/usr/bin/fairlead", "uninstall", "--root", _root);
        // zsh finds the function by the file's name.
        var zsh = await Command.RunAsync("zsh", "-f", "-c", $"fpath=({_root}/usr/share/zsh/vendor-completions $fpath); autoload -Uz compinit && compinit -u -D; print ${{_comps[fairlead]}}");
        Assert.Equal("_fairlead\n", zsh.Output);

        await DpkgAsync("--purge", "fairlead");
        Assert.Empty(Directory.EnumerateFileSystemEntries(_root, "*fairlead*", SearchOption.AllDirectories));
    }

    /// <summary>`fairlead echo` as a server, and `fairlead dns`, which needs TLS and the cluster's authority, both of the image alone.</summary>
    [Fact]
    public async Task Image_Imported_RunsInPods()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var image = $"fairlead:{packages.Version}";
        Assert.Contains($"imported docker.io/library/{image} (", (await Command.RunAsync(Command.Fairlead, "image", "import", packages.Image, "--name", cluster.Name)).Output, StringComparison.Ordinal);
        await kubectl.ApplyAsync(Pods.Replace("IMAGE", image, StringComparison.Ordinal).Replace("NAMESPACE", kubectl.Namespace, StringComparison.Ordinal));
        try
        {
            await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/echo", "pod/dns", "pod/client", "--timeout=60s");
            await kubectl.WaitForEndpointsAsync("echo", 1);

            var answer = await Until.AsyncHolds(() => kubectl.CurlAsync("client", "http://echo"), result => result.Code == 0, "echo answers");
            Assert.Equal("You've hit echo\n", answer.Output);
            var dns = await kubectl.RunAsync("get", "pod", "dns", "-o", "jsonpath={.status.podIP}");
            var address = await kubectl.ClusterIpAsync("echo");
            await Until.AsyncHolds(
                () => kubectl.TryAsync(["exec", "client", "--", "dig", "+short", $"@{dns}", $"echo.{kubectl.Namespace}.svc.cluster.local"]), found => found.Output == address + "\n", $"the name's address {address}");
        }
        finally
        {
            await kubectl.RunAsync("delete", "clusterrole,clusterrolebinding", $"dns-{kubectl.Namespace}");
        }
    }

    private const string Pods = """
        { apiVersion: v1, kind: Pod, metadata: { name: echo, labels: { app: echo } }, spec: { terminationGracePeriodSeconds: 0, containers: [ { name: main, image: IMAGE, args: [ echo, --port, '8080' ] } ] } }
        ---
        { apiVersion: v1, kind: Service, metadata: { name: echo }, spec: { selector: { app: echo }, ports: [ { port: 80, targetPort: 8080 } ] } }
        ---
        { apiVersion: v1, kind: Pod, metadata: { name: client }, spec: { terminationGracePeriodSeconds: 0, containers: [ { name: main, image: fairlead/host, command: [ sleep, '1000' ] } ] } }
        ---
        { apiVersion: v1, kind: ServiceAccount, metadata: { name: dns } }
        ---
        { apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: { name: dns-NAMESPACE }, rules: [
          { apiGroups: [ '' ], resources: [ services, namespaces, pods, nodes, endpoints ], verbs: [ list, watch ] }, { apiGroups: [ discovery.k8s.io ], resources: [ endpointslices ], verbs: [ list, watch ] } ] }
        ---
        { apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: { name: dns-NAMESPACE }, roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: dns-NAMESPACE }, subjects: [ { kind: ServiceAccount, name: dns, namespace: NAMESPACE } ] }
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: { name: dns }
        data:
          config: |
            apiVersion: v1
            kind: Config
            current-context: in
            contexts: [ { name: in, context: { cluster: in, user: in } } ]
            clusters: [ { name: in, cluster: { server: "https://kubernetes.default.svc", certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt } } ]
            users: [ { name: in, user: { tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token } } ]
        ---
        apiVersion: v1
        kind: Pod
        metadata: { name: dns }
        spec:
          serviceAccountName: dns
          terminationGracePeriodSeconds: 0
          volumes: [ { name: config, configMap: { name: dns } } ]
          containers:
          - name: main
            image: IMAGE
            args: [ dns, --kubeconfig, /etc/fairlead/config, --upstream, 10.96.0.10, --health-address, "0.0.0.0:8181" ]
            volumeMounts: [ { name: config, mountPath: /etc/fairlead } ]
            readinessProbe: { periodSeconds: 1, httpGet: { path: /ready, port: 8181 } }
        """;

    private async Task DpkgAsync(params string[] arguments) => await Command.RunAsync("dpkg", ["--root", _root, "--force-not-root", "--log", $"{_root}/var/lib/dpkg/log", .. arguments]);
}
