using Fairlead.Ingress.Proxy.Lean.Wire;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>A load balancer in front, which tells whose connection it is before anything else.</summary>
internal sealed partial class LeanConnection
{
    /// <summary>False: there is no header where there must be one, and the connection ends.</summary>
    private async Task<bool> ReadProxyHeaderAsync()
    {
        _in = owner.Buffers.Rent();
        var begun = owner.Loop.Now;
        while (true)
        {
            var header = _end == 0 ? default : ProxyHeader.Read(_in.AsSpan(0, _end));
            if (header.State == HeadState.Refused) return false;
            if (header.State == HeadState.Whole)
            {
                _start = header.Length;
                if (header.Client is not { } said) return true;
                (_said, client) = (said, said.Address);
                return true;
            }
            var patience = Rules.HeadPatience - Rules.Time.GetElapsedTime(begun, owner.Loop.Now);
            var count = await socket.ReceiveAsync(_in.AsMemory(_end), patience > TimeSpan.Zero ? patience : TimeSpan.Zero);
            if (count <= 0) return false;
            _end += count;
        }
    }
}
