using Fairlead.ApiServer.Metrics.Usage;
using Xunit;

namespace Fairlead.Unit.ApiServer.Metrics;

public sealed class UsageRatesTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static Reading At(double seconds, double processor, double started = -100) =>
        new(Noon.AddSeconds(seconds), processor, 4096, Noon.AddSeconds(started));

    private static NodeReading Node(double seconds, double processor, params (string Container, Reading Reading)[] containers) => new(
        At(seconds, processor), containers.ToDictionary(pair => new ContainerName("default", "p", pair.Container), pair => pair.Reading));

    [Fact]
    public void Between_TwoReadings_IsTheMeanOverTheirWindow()
    {
        var usage = NodeUsage.Between(Node(0, 100, ("c", At(0, 10))), Node(2, 103, ("c", At(2, 11))));

        Assert.Equal(new Usage(Noon.AddSeconds(2), TimeSpan.FromSeconds(2), 1.5, 4096), usage.Node);
        Assert.Equal(("c", new Usage(Noon.AddSeconds(2), TimeSpan.FromSeconds(2), 0.5, 4096)), Assert.Single(usage.Pods[("default", "p")]));
    }

    [Fact]
    public void Between_ContainerBeganInBetween_ItsWindowIsItsLife()
    {
        var usage = NodeUsage.Between(Node(0, 0, ("c", At(0, 50))), Node(4, 0, ("c", At(4, 3, started: 1))));

        Assert.Equal(new Usage(Noon.AddSeconds(4), TimeSpan.FromSeconds(3), 1, 4096), Assert.Single(usage.Pods[("default", "p")]).Usage);
    }

    [Fact]
    public void Between_ContainerWasNotThereBefore_ItsWindowIsItsLife()
    {
        var usage = NodeUsage.Between(Node(0, 0), Node(4, 0, ("c", At(4, 3, started: 2))));

        Assert.Equal(new Usage(Noon.AddSeconds(4), TimeSpan.FromSeconds(2), 1.5, 4096), Assert.Single(usage.Pods[("default", "p")]).Usage);
    }

    [Fact]
    public void Between_AccountBeganAnew_IsLeftOut()
    {
        var usage = NodeUsage.Between(Node(0, 100), Node(1, 3));

        Assert.Null(usage.Node);
        Assert.Empty(usage.Pods);
    }

    [Fact]
    public void Parse_WhatAKubeletWrites_IsRead()
    {
        const string Text = """
            # HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds
            # TYPE container_cpu_usage_seconds_total counter
            container_cpu_usage_seconds_total{container="main",namespace="default",pod="a"} 1.5e-3 1767268800000
            container_cpu_usage_seconds_total{container="new",namespace="default",pod="a"} NaN 1767268800000
            container_memory_working_set_bytes{container="main",namespace="default",pod="a"} 8.192e+06 1767268800000
            container_start_time_seconds{container="main",namespace="default",pod="a"} 1.7672687e+09
            container_start_time_seconds{container="gone",namespace="default",pod="a"} 1.7672687e+09 1767268700000
            node_cpu_usage_seconds_total 357.3 1767268800500
            node_memory_working_set_bytes 1.616273408e+09 1767268800500
            resource_scrape_error 0
            """;

        var reading = NodeReading.Parse(Text)!;

        Assert.Equal(new Reading(Noon.AddMilliseconds(500), 357.3, 1616273408, null), reading.Node);
        Assert.Equal((new ContainerName("default", "a", "main"), new Reading(Noon, 0.0015, 8192000, Noon.AddSeconds(-100))), Assert.Single(reading.Containers.Select(pair => (pair.Key, pair.Value))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("node_cpu_usage_seconds_total")]
    [InlineData("node_cpu_usage_seconds_total 1")]
    [InlineData("node_cpu_usage_seconds_total } 1 2{")]
    [InlineData("node_cpu_usage_seconds_total 1 99999999999999999")]
    [InlineData("node_cpu_usage_seconds_total 1e300 1767268800000")]
    [InlineData("<html>404 {page} not found</html>")]
    public void Parse_AnythingElse_IsNothing(string text) => Assert.Null(NodeReading.Parse(text));
}
