namespace Fairlead.Node.Runtime.Cri;

internal static class CriTime
{
    /// <summary>CRI's times are nanoseconds since 1970; 0: none.</summary>
    public static DateTimeOffset? Of(long nanoseconds) => nanoseconds == 0 ? null : DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100);
}
