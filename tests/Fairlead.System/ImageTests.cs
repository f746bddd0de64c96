using System.Text.Json.Nodes;
using Fairlead.Unit.Node.Images;
using Xunit;

namespace Fairlead.System;

/// <summary>Images by `fairlead image` and by pods: imported, pulled, missing.</summary>
public sealed class ImageTests(Cluster cluster) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-images-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<CommandResult> ImageAsync(params string[] arguments) => Command.TryAsync(Command.Fairlead, ["image", .. arguments, "--name", cluster.Name]);

    private string Archive(byte[] content)
    {
        var path = $"{_folder}/{Guid.NewGuid():N}.tar";
        File.WriteAllBytes(path, content);
        return path;
    }

    private static string Name(string kind) => $"{kind}-{Guid.NewGuid().ToString("N")[..6]}:1";

    /// <summary>One that is no other test's by another name.</summary>
    private static TestImage Own(string name) => TestImage.Busybox(name, new JsonObject
    {
        ["Cmd"] = new JsonArray("sh"),
        ["Env"] = new JsonArray("PATH=/bin", "COLOUR=blue", $"OWN={name}"),
    });

    private static Task<string> WaitingAsync(Kubectl kubectl, string pod, string reason) => Until.AsyncHolds(
        () => kubectl.RunAsync("get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason} {.status.containerStatuses[0].state.waiting.message}"),
        state => state.StartsWith(reason + " ", StringComparison.Ordinal), $"{pod} waits with {reason}");

    [Fact]
    public async Task Import_TwoKindsOfArchive_ListRunRemove()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var (docker, oci) = (Name("docker"), Name("registry.example/team/oci"));
        var imported = await ImageAsync("import", Archive(TestImage.DockerArchive(Own(docker))), Archive(TestImage.Gzip(Own(oci).OciArchive(TestImage.Gzip))));
        Assert.True(imported.Code == 0, imported.Error);
        Assert.Matches($@"imported docker.io/library/{docker} \(\d", imported.Output);
        Assert.Contains($"imported {oci} (", imported.Output, StringComparison.Ordinal);

        foreach (var (pod, image) in ((string, string)[])[("docker", docker), ("oci", oci)])
            await kubectl.RunAsync("run", pod, $"--image={image}", "--restart=Never", "--", "sh", "-c", "echo hello from $COLOUR; ls /hidden; id -u");
        foreach (var pod in (string[])["docker", "oci"])
        {
            await kubectl.RunAsync("wait", "--for=jsonpath={.status.phase}=Succeeded", $"pod/{pod}", "--timeout=60s");
            Assert.Equal("hello from blue\nnew\n0", await kubectl.RunAsync("logs", pod));
        }
        await Until.AsyncHolds(
            () => kubectl.RunAsync("get", "node", "node1", "-o", "jsonpath={.status.images[*].names}"), names => names.Contains(oci, StringComparison.Ordinal), "the node tells of its images");

        Assert.Contains("is used by container", (await ImageAsync("rm", oci)).Error, StringComparison.Ordinal);
        await kubectl.RunAsync("delete", "pod", "docker", "oci", "--now");
        // A pod that has ended is gone from the API at once, from its node a moment later.
        foreach (var image in (string[])[docker, oci]) await Until.AsyncHolds(() => ImageAsync("rm", image), removed => removed.Code == 0, $"{image} is not used any more");
        Assert.DoesNotContain(oci, (await ImageAsync("ls")).Output, StringComparison.Ordinal);
    }

    /// <summary>The image's files put its user into group 2000 too.</summary>
    [Fact]
    public async Task Groups_OfTheImagesUser_CountUnlessThePodIsStrict()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var image = Name("groups");
        Assert.Equal(0, (await ImageAsync("import", Archive(TestImage.DockerArchive(Own(image))))).Code);
        string Pod(string name, string policy) =>
            $"{{ apiVersion: v1, kind: Pod, metadata: {{ name: {name} }}, spec: {{ restartPolicy: Never, securityContext: {{ runAsUser: 1000, fsGroup: 4000, supplementalGroups: [3000]{policy} }}, "
            + $"containers: [{{ name: main, image: '{image}', command: [id, -G] }}] }} }}";
        await kubectl.ApplyAsync(Pod("default", ""));
        await kubectl.ApplyAsync(Pod("merge", ", supplementalGroupsPolicy: Merge"));
        await kubectl.ApplyAsync(Pod("strict", ", supplementalGroupsPolicy: Strict"));

        await kubectl.RunAsync("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/default", "pod/merge", "pod/strict", "--timeout=30s");
        async Task<string[]> GroupsAsync(string pod) => [.. (await kubectl.RunAsync("logs", pod)).Split(' ').Order()];
        Assert.Equal(["1001", "2000", "3000", "4000"], await GroupsAsync("default"));
        Assert.Equal(["1001", "2000", "3000", "4000"], await GroupsAsync("merge"));
        Assert.Equal(["1001", "3000", "4000"], await GroupsAsync("strict"));
        await kubectl.RunAsync("delete", "pods", "--all", "--now");
        await Until.AsyncHolds(() => ImageAsync("rm", image), removed => removed.Code == 0, "the image is not used any more");
    }

    [Fact]
    public async Task Pod_WhoseImageIsMissing_WaitsAsKubeletSaysAndRunsOnceItIsImported()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var image = $"127.0.0.1:1/{Name("late")}";
        await kubectl.RunAsync("run", "late", $"--image={image}", "--", "sleep", "1000");
        Assert.Contains("connection refused", await WaitingAsync(kubectl, "late", "ImagePullBackOff"), StringComparison.Ordinal);
        Assert.Contains("trying and failing to pull image", (await kubectl.TryAsync(["logs", "late"])).Error, StringComparison.Ordinal);

        Assert.Equal(0, (await ImageAsync("import", Archive(TestImage.DockerArchive(TestImage.Busybox(image))))).Code);

        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/late", "--timeout=20s");
        var described = await kubectl.RunAsync("describe", "pod", "late");
        foreach (var words in (string[])[$"Pulling image \"{image}\"", $"Failed to pull image \"{image}\"", "Error: ErrImagePull", $"Back-off pulling image \"{image}\"", $"Container image \"{image}\" already present on machine"])
            Assert.Contains(words, described, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("UPPER/case", "InvalidImageName", "invalid reference format")]
    [InlineData("never-there:1", "ErrImageNeverPull", "is not present with pull policy of Never")]
    public async Task Pod_OfABadImage_SaysWhy(string image, string reason, string message)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("run", "bad", $"--image={image}", "--image-pull-policy=Never");
        Assert.Contains(message, await WaitingAsync(kubectl, "bad", reason), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pod_FromARegistryWithAPassword_NeedsTheSecret()
    {
        await using var registry = await DockerRegistry.StartAsync();
        await using var kubectl = await cluster.NamespaceAsync();
        await registry.PushAsync("team/app", "v1", TestImage.Busybox("app:v1", new JsonObject { ["Cmd"] = new JsonArray("/bin/sleep", "1000") }));
        var image = $"{registry.Host}/team/app:v1";
        await kubectl.RunAsync("run", "without", $"--image={image}");
        Assert.Contains("pull access denied", await WaitingAsync(kubectl, "without", "ErrImagePull"), StringComparison.Ordinal);

        var user = DockerRegistry.User.Split(':');
        await kubectl.RunAsync("create", "secret", "docker-registry", "regcred", $"--docker-server={registry.Host}", $"--docker-username={user[0]}", $"--docker-password={user[1]}");
        await kubectl.ApplyAsync($"{{ apiVersion: v1, kind: Pod, metadata: {{ name: with }}, spec: {{ imagePullSecrets: [{{ name: regcred }}], containers: [{{ name: app, image: \"{image}\", imagePullPolicy: Always }}] }} }}");

        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/with", "--timeout=60s");
        Assert.Matches($@"Successfully pulled image ""{image}"" in [\d.]+m?s \([\d.]+m?s including waiting\). Image size: \d+ bytes.", await kubectl.RunAsync("describe", "pod", "with"));
        Assert.Matches($"^{registry.Host}/team/app@sha256:[0-9a-f]{{64}}$", await kubectl.RunAsync("get", "pod", "with", "-o", "jsonpath={.status.containerStatuses[0].imageID}"));

        // What is here now serves the one without a secret: its policy asks no registry again.
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/without", "--timeout=60s");
        Assert.Contains("denied", (await ImageAsync("pull", image)).Error, StringComparison.Ordinal);
        Assert.Matches(@"pulled .* \(", (await ImageAsync("pull", image, "--creds", DockerRegistry.User)).Output);
    }

    [Theory]
    [InlineData(new[] { "import", "/nowhere.tar" }, "/nowhere.tar does not exist")]
    [InlineData(new[] { "import", "/etc/passwd" }, "the tar archive is broken")]
    [InlineData(new[] { "pull", "No Name" }, "is no image's name")]
    [InlineData(new[] { "rm", "nowhere:1" }, "there is no image nowhere:1")]
    public async Task Image_OfWhatIsNot_IsOneLineAndACode(string[] arguments, string words)
    {
        var result = await ImageAsync(arguments);
        Assert.Equal(1, result.Code);
        Assert.StartsWith("fairlead: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(words, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
    }
}
