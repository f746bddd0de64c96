using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy.Apply;
using Fairlead.Proxy.Plan;
using k8s.Models;

namespace Fairlead.Proxy;

/// <summary>
/// What the kernel of a node holds of the load balancer's tables, as it was at one moment, to be compared with any number of
/// services. It is read once, for reading costs as much as the whole cluster is large. It changes nothing.
/// </summary>
public sealed class KernelInspection
{
    private readonly IReadOnlyList<Held> _tables;
    private readonly string? _zone;
    private readonly string _node;

    private KernelInspection(IReadOnlyList<Held> tables, string? zone, string node) => (_tables, _zone, _node) = (tables, zone, node);

    /// <summary>Reads the kernel. Run it in the node's namespace.</summary>
    /// <param name="zone">The node's zone; null: it has none.</param>
    /// <exception cref="LinuxException">The kernel could not be read.</exception>
    public static KernelInspection Read(ServiceProxyOptions options, string? zone)
    {
        using KernelNfTables kernel = KernelNfTables.Open();
        return new KernelInspection([.. Families(options).Select(family => Held.Read(kernel, new ProxyTable(family, options)))], zone, options.NodeName);
    }

    /// <summary>What is missing, wrong or left over for one service, each in nft's words; empty when all is right.</summary>
    /// <param name="wanted">How many elements the service should have in the kernel.</param>
    public IReadOnlyList<string> Compare(V1Service service, IReadOnlyList<V1EndpointSlice> slices, out int wanted)
    {
        wanted = 0;
        if (ServiceInfo.From(service) is not { } info)
        {
            return [];
        }
        SliceInfo[] infos = [.. slices.Select(slice => SliceInfo.From(slice, _node)).OfType<SliceInfo>()];
        var differences = new List<string>();
        foreach (Held held in _tables)
        {
            if (ServicePlanner.Plan(info, infos, held.Layout.IsIPv6, _zone) is { } rules)
            {
                wanted += held.Compare(rules, differences);
            }
        }
        return differences;
    }

    private static IEnumerable<TableFamily> Families(ServiceProxyOptions options)
    {
        if (options.IPv4)
        {
            yield return TableFamily.IPv4;
        }
        if (options.IPv6)
        {
            yield return TableFamily.IPv6;
        }
    }

    /// <summary>One table; its content is null when the kernel has none.</summary>
    private sealed record Held(ProxyTable Layout, TableContent? Content, IReadOnlyList<string> Changed, IReadOnlyDictionary<SetKind, HeldSet> Sets)
    {
        private static readonly SetKind[] s_kinds = Enum.GetValues<SetKind>();

        internal static Held Read(KernelNfTables kernel, ProxyTable layout)
        {
            if (kernel.Read(layout.Table) is not { } content)
            {
                return new Held(layout, null, [], new Dictionary<SetKind, HeldSet>());
            }
            var sets = s_kinds.Where(kind => content.Sets.ContainsKey(layout.Definition(kind).Name))
                .ToDictionary(kind => kind, kind => HeldSet.From(kind, kernel.ReadElements(layout.Table, layout.Definition(kind)), layout.IsIPv6));
            string[] changed = [.. layout.Chains.Where(item => !Has(content, item.Chain.Name, item.Rules)).Select(item => Words(content, item.Chain.Name))];
            return new Held(layout, content, changed, sets);
        }

        internal int Compare(ServiceRules rules, List<string> differences)
        {
            var desired = new DesiredTable(Layout);
            desired.Add(rules);
            int wanted = s_kinds.Sum(desired.Count);
            if (Content is not { } content)
            {
                differences.Add($"table {Layout.Table} is missing");
                return wanted;
            }
            differences.AddRange(Changed);
            differences.AddRange(desired.Chains.Where(chain => !Has(content, chain.Name, Layout.Rules(chain))).Select(chain => Words(content, chain.Name)));
            foreach (SetKind kind in s_kinds)
            {
                CompareElements(rules, desired, kind, differences);
            }
            return wanted;
        }

        private void CompareElements(ServiceRules rules, DesiredTable desired, SetKind kind, List<string> differences)
        {
            SetDefinition set = Layout.Definition(kind);
            if (!Sets.TryGetValue(kind, out HeldSet? held))
            {
                differences.Add($"set {set.Name} is missing");
                return;
            }
            foreach (SetElement element in desired.Elements(kind))
            {
                if (!held.Elements.TryGetValue(element.Key, out SetElement found))
                {
                    differences.Add($"{set.Name} lacks {{ {element.ToText(set)} }}");
                }
                else if (found != element)
                {
                    differences.Add($"{set.Name} has {{ {found.ToText(set)} }}, not {{ {element.ToText(set)} }}");
                }
            }
            differences.AddRange(rules.Addresses.SelectMany(address => held.ByAddress[address]).Where(element => desired.Find(kind, element.Key) is null)
                .Select(element => $"{set.Name} still has {{ {element.ToText(set)} }}"));
        }

        private static bool Has(TableContent content, string chain, IEnumerable<Rule> rules) =>
            content.Chains.GetValueOrDefault(chain)?.RuleComments.SequenceEqual(rules.Select(rule => rule.Comment)) == true;

        private static string Words(TableContent content, string chain) => $"chain {chain} is {(content.Chains.ContainsKey(chain) ? "changed" : "missing")}";
    }

    /// <param name="ByAddress">Where an element's key begins with a service's address. Hairpin and node ports lie beside those
    /// of other services: nothing of them can be called left over.</param>
    private sealed record HeldSet(IReadOnlyDictionary<FieldBytes, SetElement> Elements, ILookup<IPAddress, SetElement> ByAddress)
    {
        internal static HeldSet From(SetKind kind, IReadOnlyCollection<SetElement> elements, bool isIPv6)
        {
            int length = isIPv6 ? 16 : 4;
            IEnumerable<SetElement> keyed = kind is SetKind.Services or SetKind.Endpoints ? elements : [];
            return new HeldSet(elements.ToDictionary(element => element.Key), keyed.ToLookup(element => new IPAddress(element.Key.Span[..length])));
        }
    }
}
