using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Fairlead.Kube;
using Fairlead.Kube.Json;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy;
using Fairlead.Proxy.Apply;
using Fairlead.Proxy.Plan;
using Fairlead.Unit.Linux.Netlink.NfTables;
using k8s.Models;
using Xunit;
using YamlDotNet.Serialization;

namespace Fairlead.Unit.Proxy.Plan;

/// <summary>
/// Objects in Cases/*.yaml (the node is called "node", in zone "a"), the rules that they make in *.golden beside them. With
/// FAIRLEAD_UPDATE_GOLDEN=1 in the environment the golden files are written instead of compared.
/// </summary>
public sealed class GoldenTests
{
    private static string Folder([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "Cases");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder(), "*.yaml").Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Plan_Objects_MakeTheGoldenRules(string name)
    {
        var services = new Dictionary<ObjectKey, ServiceInfo?>();
        var slices = new List<SliceInfo>();
        foreach (string document in File.ReadAllText(Path.Combine(Folder(), name + ".yaml")).Split("\n---\n"))
        {
            byte[] json = Encoding.UTF8.GetBytes(ToJson(document));
            if (document.Contains("kind: Service", StringComparison.Ordinal))
            {
                V1Service service = KubeJson.Deserialize<V1Service>(json);
                services[ObjectKey.Of(service)] = ServiceInfo.From(service);
            }
            else if (SliceInfo.From(KubeJson.Deserialize<V1EndpointSlice>(json), "node") is { } slice)
            {
                slices.Add(slice);
            }
        }
        Compare(name, string.Concat(new[] { TableFamily.IPv4, TableFamily.IPv6 }.Select(family => Print(family, services, slices))));
    }

    [Fact]
    public void Frame_WithNetworks_IsGolden()
    {
        var layout = new ProxyTable(
            TableFamily.IPv4, new ServiceProxyOptions { NodeName = "node", ClusterNetworks = [IPNetwork.Parse("10.244.0.0/16")], ServiceNetworks = [IPNetwork.Parse("10.96.0.0/16")] });
        using var tables = new FakeNfTables();
        Compare("_frame", TableDifference.Compute(layout, new DesiredTable(layout), tables).ToString());
    }

    [Fact]
    public void Frame_OfPodsByLinkAndLoopback_IsGolden()
    {
        var layout = new ProxyTable(TableFamily.IPv4, new ServiceProxyOptions { NodeName = "node", PodLink = "cali*", LocalhostNodePorts = true });
        using var tables = new FakeNfTables();
        Compare("_frame-link", TableDifference.Compute(layout, new DesiredTable(layout), tables).ToString());
    }

    private static string Print(TableFamily family, Dictionary<ObjectKey, ServiceInfo?> services, List<SliceInfo> slices)
    {
        var layout = new ProxyTable(family, new ServiceProxyOptions { NodeName = "node" });
        var desired = new DesiredTable(layout);
        foreach ((ObjectKey key, ServiceInfo? service) in services)
        {
            if (service is not null && ServicePlanner.Plan(service, [.. slices.Where(slice => slice.Service == key)], layout.IsIPv6, "a") is { } rules)
            {
                desired.Add(rules);
            }
        }
        var text = new StringBuilder();
        foreach (SetKind kind in Enum.GetValues<SetKind>())
        {
            SetDefinition set = layout.Definition(kind);
            foreach (string element in desired.Elements(kind).Select(element => element.ToText(set)).Order(StringComparer.Ordinal))
            {
                text.Append($"{layout.Table} {set.Name}: {element}\n");
            }
        }
        foreach (Rule rule in desired.Chains.OrderBy(chain => chain.Name, StringComparer.Ordinal).SelectMany(layout.Rules))
        {
            text.Append($"{layout.Table} {rule.Chain}: {rule.Text}\n");
        }
        return text.ToString();
    }

    private static string ToJson(string yaml)
    {
        object? graph = new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build().Deserialize<object>(yaml);
        return new SerializerBuilder().JsonCompatible().Build().Serialize(graph);
    }

    private static void Compare(string name, string text)
    {
        string path = Path.Combine(Folder(), name + ".golden");
        if (Environment.GetEnvironmentVariable("FAIRLEAD_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(path, text);
        }
        Assert.Equal(File.ReadAllText(path), text);
    }
}
