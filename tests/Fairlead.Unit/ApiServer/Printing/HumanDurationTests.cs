using Fairlead.ApiServer.Printing;
using Xunit;

namespace Fairlead.Unit.ApiServer.Printing;

public sealed class HumanDurationTests
{
    private const long Minute = 60, Hour = 3600, Day = 86400, Year = 365 * Day;

    [Theory]
    [InlineData(-5, "<invalid>")]
    [InlineData(-1, "0s")]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(2 * Minute, "2m")]
    [InlineData((3 * Minute) + 7, "3m7s")]
    [InlineData(10 * Minute, "10m")]
    [InlineData((179 * Minute) + 59, "179m")]
    [InlineData(3 * Hour, "3h")]
    [InlineData((4 * Hour) + (5 * Minute), "4h5m")]
    [InlineData((8 * Hour) + (5 * Minute), "8h")]
    [InlineData(47 * Hour, "47h")]
    [InlineData(2 * Day, "2d")]
    [InlineData((2 * Day) + Hour, "2d1h")]
    [InlineData((8 * Day) + Hour, "8d")]
    [InlineData((2 * Year) - 1, "729d")]
    [InlineData(2 * Year, "2y")]
    [InlineData((3 * Year) + (10 * Day), "3y10d")]
    [InlineData((8 * Year) + (10 * Day), "8y")]
    public void Format_Seconds_AsKubectlShowsThem(long seconds, string expected) => Assert.Equal(expected, HumanDuration.Format(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Since_NoTime_IsUnknown() => Assert.Equal("<unknown>", HumanDuration.Since(null, DateTimeOffset.UnixEpoch));
}
