using System.Net;
using Fairlead.Dns.Wire;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Dns.Zone;

/// <summary>What the zone keeps of a Pod, where it follows them.</summary>
/// <param name="IsOnHost">It has the node's addresses, which other pods and the node itself have too.</param>
internal sealed record PodInfo(EquatableArray<IPAddress> Addresses, bool IsOnHost)
{
    /// <summary>Null without an address, and for a pod that has ended: its address may be another's by now.</summary>
    internal static PodInfo? From(V1Pod pod)
    {
        IPAddress[] addresses = [.. Texts(pod.Status)];
        return addresses.Length == 0 || pod.Status.Phase is "Succeeded" or "Failed" ? null : new PodInfo(new(addresses), pod.Spec?.HostNetwork ?? false);
    }

    private static IEnumerable<IPAddress> Texts(V1PodStatus? status)
    {
        IEnumerable<string?> texts = status?.PodIPs is { Count: > 0 } all ? all.Select(each => (string?)each.Ip) : [status?.PodIP];
        foreach (string? text in texts)
        {
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                yield return address;
            }
        }
    }
}

/// <summary>Whose an address is. Immutable.</summary>
internal sealed class PodOwners
{
    internal static readonly PodOwners None = new([]);
    private readonly (ObjectKey Pod, bool IsOnHost)[] _pods;
    private readonly byte[][] _namespaces;

    private PodOwners((ObjectKey Pod, bool IsOnHost)[] pods)
    {
        _pods = pods;
        _namespaces = [.. pods.Select(pod => pod.Pod.Namespace).Distinct().Select(name => DnsName.Prepend([], name))];
    }

    /// <summary>As a label in wire form; empty when it cannot be told which of several asks.</summary>
    internal ReadOnlySpan<byte> OnlyNamespace => _pods is [{ IsOnHost: false }] ? _namespaces[0] : [];

    internal bool Has(ReadOnlySpan<byte> label)
    {
        foreach (byte[] name in _namespaces)
        {
            if (label.SequenceEqual(name))
            {
                return true;
            }
        }
        return false;
    }

    internal PodOwners With(ObjectKey pod, bool isOnHost) => new([.. _pods.Where(other => other.Pod != pod), (pod, isOnHost)]);

    internal PodOwners? Without(ObjectKey pod) => _pods.Any(other => other.Pod != pod) ? new([.. _pods.Where(other => other.Pod != pod)]) : null;
}
