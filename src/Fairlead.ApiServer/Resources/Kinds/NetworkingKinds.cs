using Fairlead.ApiServer.Resources.Conversion;
using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources.Kinds;

/// <summary>What connects: discovery.k8s.io and networking.k8s.io, with the older versions of Ingress.</summary>
internal static class NetworkingKinds
{
    public static IEnumerable<Kind> Rows()
    {
        var ingress = new Kind("networking.k8s.io", "v1", "Ingress", "ingresses", true, "V1Ingress")
        {
            ShortNames = ["ing"], HasStatus = true, HasGeneration = true, Strategy = new IngressStrategy(), StoragePrefix = "/registry/ingress/",
        };
        var ingressClass = new Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false, "V1IngressClass")
        {
            HasGeneration = true, Strategy = new IngressClassStrategy(),
        };
        var serviceCidr = new Kind("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", false, "V1ServiceCIDR")
        {
            HasStatus = true, HasGeneration = true, Strategy = new ServiceCidrStrategy(),
        };
        var address = new Kind("networking.k8s.io", "v1", "IPAddress", "ipaddresses", false, "V1IPAddress")
        {
            ShortNames = ["ip"], HasGeneration = true, Strategy = new IpAddressStrategy(),
        };
        return
        [
            new("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, "V1EndpointSlice")
            {
                HasGeneration = true, Strategy = new EndpointSliceStrategy(),
            },
            ingress,
            ingressClass,
            new("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true, "V1NetworkPolicy")
            {
                ShortNames = ["netpol"], HasGeneration = true, Strategy = new NetworkPolicyStrategy(),
            },
            serviceCidr,
            address,
            ingress.ShownAs("networking.k8s.io", "v1beta1", IngressConversion.Instance, "V1beta1Ingress"),
            ingressClass.ShownAs("networking.k8s.io", "v1beta1", SameFields.Instance),
            // kubectl's describe asks for these up to 1.33.
            serviceCidr.ShownAs("networking.k8s.io", "v1beta1", SameFields.Instance),
            address.ShownAs("networking.k8s.io", "v1beta1", SameFields.Instance),
            ingress.ShownAs("extensions", "v1beta1", IngressConversion.Instance, "V1beta1Ingress"),
        ];
    }
}
