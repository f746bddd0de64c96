using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <summary>A port of a Service, as Ingresses name it.</summary>
/// <param name="PortName">Empty where the number is given.</param>
/// <param name="PortNumber">0 with an empty name: the only port, or the first.</param>
/// <param name="ViaClusterIP">The cluster IP is the one endpoint (annotation service-upstream).</param>
internal readonly record struct BackendKey(ObjectKey Service, string PortName, int PortNumber, bool ViaClusterIP)
{
    /// <summary>As logs and metrics name it: namespace-service-port.</summary>
    public override string ToString() => $"{Service.Namespace}-{Service.Name}-{(PortName.Length > 0 ? PortName : PortNumber.ToString(System.Globalization.CultureInfo.InvariantCulture))}";
}
