using Fairlead.Node.Pods.Static;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node.Static;

/// <summary>Pods from files, and their mirrors, as kubelet has them.</summary>
public sealed class StaticPodTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const string Text = """
        apiVersion: v1
        kind: Pod
        metadata: { name: web, labels: { app: web } }
        spec: { containers: [{ name: c, image: nginx, livenessProbe: { httpGet: { port: 80 } } }] }
        """;

    private static V1Pod Parse(string text = Text, string path = "/etc/pods/web.yaml", string node = "n1")
    {
        var (pod, failure) = StaticPodFile.Parse(text, path, node, Now);
        Assert.Null(failure);
        return pod!;
    }

    [Fact]
    public void File_WithAPod_BecomesThePodOfThisNode()
    {
        var pod = Parse();

        Assert.Equal(("web-n1", "default", "n1"), (pod.Metadata.Name, pod.Metadata.NamespaceProperty, pod.Spec.NodeName));
        Assert.Equal("file", pod.Metadata.Annotations["kubernetes.io/config.source"]);
        Assert.Equal(pod.Metadata.Uid, pod.Metadata.Annotations["kubernetes.io/config.hash"]);
        Assert.Equal("Exists NoExecute", string.Join(' ', pod.Spec.Tolerations[^1].OperatorProperty, pod.Spec.Tolerations[^1].Effect));
        Assert.Equal(("Always", 30, "Always"), (pod.Spec.RestartPolicy, pod.Spec.TerminationGracePeriodSeconds, pod.Spec.Containers[0].ImagePullPolicy));
        Assert.Equal((10, "/", "HTTP"), (pod.Spec.Containers[0].LivenessProbe.PeriodSeconds, pod.Spec.Containers[0].LivenessProbe.HttpGet.Path, pod.Spec.Containers[0].LivenessProbe.HttpGet.Scheme));
        Assert.True(StaticPodFile.IsStatic(pod));
    }

    [Fact]
    public void Uid_OfTheSameFile_IsTheSameUntilItsTextPathOrNodeChanges()
    {
        var uid = Parse().Metadata.Uid;

        Assert.Equal(uid, Parse().Metadata.Uid);
        Assert.NotEqual(uid, Parse(Text.Replace("nginx", "other", StringComparison.Ordinal)).Metadata.Uid);
        Assert.NotEqual(uid, Parse(path: "/etc/pods/other.yaml").Metadata.Uid);
        Assert.NotEqual(uid, Parse(node: "n2").Metadata.Uid);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("a: [", "yaml: line 2")]
    [InlineData("{ apiVersion: v1, kind: Service, metadata: { name: s } }", "it holds no v1 Pod, but v1 Service")]
    [InlineData("{ apiVersion: v1, kind: Pod, metadata: {}, spec: { containers: [{ name: c }] } }", "the pod has no name")]
    [InlineData("{ apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { containers: [] } }", "the pod has no containers")]
    [InlineData("{ apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { serviceAccountName: a, containers: [{ name: c }] } }", "a static pod may not refer to a service account")]
    [InlineData("{ apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { containers: [{ name: c }], volumes: [{ name: v, secret: { secretName: s } }] } }", "a static pod may not refer to secrets")]
    [InlineData("{ apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { containers: [{ name: c, envFrom: [{ configMapRef: { name: m } }] }] } }", "a static pod may not refer to configmaps")]
    public void File_WithoutAPodThatCanRun_IsRefusedInWords(string text, string why)
    {
        var (pod, failure) = StaticPodFile.Parse(text, "/p", "n1", Now);

        Assert.Null(pod);
        Assert.StartsWith(why, failure, StringComparison.Ordinal);
    }

    [Theory]
    // What runs, what the API has, what is to be done.
    [InlineData("", "", "Nothing")]
    [InlineData("a", "", "Create")]
    [InlineData("a", "a", "Nothing")]
    [InlineData("a", "a deleted", "Delete")]
    [InlineData("a", "b", "Delete")]
    [InlineData("", "a", "Delete")]
    [InlineData("a deleted", "", "Nothing")]
    [InlineData("a deleted", "a", "Nothing")]
    public void Mirror_AgainstWhatRuns_Step(string running, string mirror, string step)
    {
        Assert.Equal(step, MirrorRule.Decide(Running(running), Mirror(mirror)).ToString());

        static V1Pod? Running(string words) => words.Length == 0 ? null : new V1Pod { Metadata = new V1ObjectMeta { Name = "p", Uid = words.Split(' ')[0], DeletionTimestamp = Deleted(words) } };
        static V1Pod? Mirror(string words) => words.Length == 0 ? null : new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "p", Uid = "u", DeletionTimestamp = Deleted(words), Annotations = new Dictionary<string, string> { ["kubernetes.io/config.mirror"] = words.Split(' ')[0] } },
        };
        static DateTime? Deleted(string words) => words.EndsWith(" deleted", StringComparison.Ordinal) ? Now.UtcDateTime : null;
    }

    [Fact]
    public void Seen_WithItsMirror_HasItsStatusAndItsOwnUid()
    {
        var pod = Parse();
        var mirror = MirrorRule.Of(pod, new V1OwnerReference { Kind = "Node", Name = "n1" });
        mirror.Metadata.Uid = "other";
        mirror.Metadata.ResourceVersion = "7";
        mirror.Status = new V1PodStatus { Phase = "Running" };

        var seen = MirrorRule.Seen(pod, mirror);

        Assert.Equal((pod.Metadata.Uid, "7", "Running"), (seen.Metadata.Uid, seen.Metadata.ResourceVersion, seen.Status.Phase));
        Assert.True(StaticPodFile.IsStatic(seen));
        Assert.True(StaticPodFile.IsMirror(mirror));
        Assert.Null(MirrorRule.Seen(pod, null).Status);
    }
}
